#include "tests/model/gguf_of_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "engine/io/model_files.h"

namespace llmft::test {
namespace {

std::string converted_name(std::string name) {
    static const std::pair<std::string, std::string> kParts[] = {
        {"model.embed_tokens.", "token_embd."},
        {"model.norm.", "output_norm."},
        {"lm_head.", "output."},
        {"model.layers.", "blk."},
        {"input_layernorm.", "attn_norm."},
        {"post_attention_layernorm.", "ffn_norm."},
        {"self_attn.q_proj.", "attn_q."},
        {"self_attn.k_proj.", "attn_k."},
        {"self_attn.v_proj.", "attn_v."},
        {"self_attn.o_proj.", "attn_output."},
        {"self_attn.q_norm.", "attn_q_norm."},
        {"self_attn.k_norm.", "attn_k_norm."},
        {"mlp.gate_proj.", "ffn_gate."},
        {"mlp.up_proj.", "ffn_up."},
        {"mlp.down_proj.", "ffn_down."},
    };
    for (const auto& [from, to] : kParts)
        if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    return name;
}

// Halves of each head's rows to neighbours: row i and row i + n/2 become 2i and 2i + 1.
std::string paired(std::string_view bytes, int64_t rows, int64_t heads) {
    const int64_t per_head = rows / heads;
    const size_t row_bytes = bytes.size() / static_cast<size_t>(rows);
    std::string out(bytes.size(), '\0');
    for (int64_t row = 0; row < rows; ++row) {
        const int64_t within = row % per_head, half = per_head / 2;
        const int64_t to = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
        bytes.copy(out.data() + static_cast<size_t>(to) * row_bytes, row_bytes, static_cast<size_t>(row) * row_bytes);
    }
    return out;
}

uint32_t type_of(const std::string& dtype) {
    return dtype == "F32" ? 0 : dtype == "F16" ? 1 : 30;
}

void add_rope(GgufBytes& gguf, const std::string& architecture, const Json& config) {
    Json rope = config.value("rope_parameters", Json());
    if (rope.is_null()) rope = config.value("rope_scaling", Json());
    if (rope.is_null()) rope = Json::object();
    gguf.value(architecture + ".rope.freq_base",
               gguf_f32(config.value("rope_theta", rope.value("rope_theta", 10000.0f))));
    const std::string type = rope.value("rope_type", rope.value("type", "default"));
    if (type != "linear" && type != "yarn") return;
    const std::string prefix = architecture + ".rope.scaling.";
    gguf.value(prefix + "type", gguf_text(type)).value(prefix + "factor", gguf_f32(rope.at("factor").get<float>()));
    if (type == "yarn")
        gguf.value(prefix + "original_context_length",
                   gguf_u32(rope.at("original_max_position_embeddings").get<uint32_t>()));
}

// Mistral goes by the name of llama.
std::string architecture_of(const Json& config) {
    const auto type = config.at("model_type").get<std::string>();
    return type == "mistral" ? "llama" : type;
}

}   // namespace

GgufBytes gguf_values(const Json& config) {
    const std::string architecture = architecture_of(config);
    GgufBytes gguf;
    gguf.value("general.architecture", gguf_text(architecture));
    const auto integer = [&](const char* key, const char* field) {
        gguf.value(architecture + "." + key, gguf_u32(config.at(field).get<uint32_t>()));
    };
    integer("context_length", "max_position_embeddings");
    integer("embedding_length", "hidden_size");
    integer("block_count", "num_hidden_layers");
    integer("feed_forward_length", "intermediate_size");
    integer("attention.head_count", "num_attention_heads");
    integer("attention.head_count_kv", "num_key_value_heads");
    integer("vocab_size", "vocab_size");
    if (config.contains("head_dim")) {
        integer("attention.key_length", "head_dim");
        integer("attention.value_length", "head_dim");
        integer("rope.dimension_count", "head_dim");
    }
    gguf.value(architecture + ".attention.layer_norm_rms_epsilon", gguf_f32(config.at("rms_norm_eps").get<float>()));
    if (config.contains("sliding_window") && config.at("sliding_window").is_number())
        integer("attention.sliding_window", "sliding_window");
    add_rope(gguf, architecture, config);
    return gguf;
}

void add_tensors(GgufBytes& gguf, const Path& folder, const Json& config) {
    const ModelFiles files = ModelFiles::open(folder);
    const bool pairs = architecture_of(config) == "llama";
    for (const std::string_view name : files.names()) {
        if (config.value("tie_word_embeddings", false) && name == "lm_head.weight") continue;
        const SafeTensor& tensor = *files.at(name).tensor;
        std::string bytes(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
        const char* heads = name.find("q_proj") != name.npos   ? "num_attention_heads"
                            : name.find("k_proj") != name.npos ? "num_key_value_heads"
                                                               : nullptr;
        if (pairs && heads != nullptr) bytes = paired(bytes, tensor.shape[0], config.at(heads).get<int64_t>());
        gguf.tensor(converted_name(std::string(name)), {tensor.shape.rbegin(), tensor.shape.rend()},
                    type_of(tensor.dtype), bytes);
    }
}

GgufBytes gguf_of_folder(const Path& folder) {
    const Json config = parse_json_file(folder / "config.json", JsonLimits{});
    GgufBytes gguf = gguf_values(config);
    add_tensors(gguf, folder, config);
    return gguf;
}

}   // namespace llmft::test
