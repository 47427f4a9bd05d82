#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "kernels/base/error.h"
#include "model/gguf.h"

namespace llmft {
namespace {

constexpr int64_t kMost = INT32_MAX;   // config.json has closer limits
constexpr std::string_view kOther = "use another model";

// Keys after "ARCHITECTURE." that change the mathematics, with the values that do not.
struct Neutral {
    std::string_view key;
    double one, other;
};
constexpr Neutral kNeutral[] = {
    {"expert_count", 0, 0},
    {"expert_used_count", 0, 0},
    {"expert_shared_count", 0, 0},
    {"attention.max_alibi_bias", 0, 0},
    {"attention.clamp_kqv", 0, 0},
    {"attention.causal", 1, 1},
    {"attention.scale", 0, 0},
    {"attention.shared_kv_layers", 0, 0},
    {"attention.sliding_window_pattern", 0, 0},
    {"attn_logit_softcapping", 0, 0},
    {"final_logit_softcapping", 0, 0},
    {"logit_scale", 0, 1},
    {"embedding_scale", 0, 1},
    {"residual_scale", 0, 1},
    {"use_parallel_residual", 0, 0},
    {"nextn_predict_layers", 0, 0},
    {"rope.dimension_sections", 0, 0},
    {"rope.scaling.alpha", 0, 0},
    {"rope.scaling.attn_factor", 1, 1},
    {"rope.scaling.yarn_attn_factor", 1, 1},
    {"rope.scaling.yarn_ext_factor", 1, 1},
    {"rope.scaling.yarn_log_multiplier", 0, 0},
};

// NaN for what is no single number.
double plain_number(const GgufValue& value) {
    switch (value.kind()) {
        case GgufKind::kString:
        case GgufKind::kArray: return NAN;
        case GgufKind::kBool: return value.flag() ? 1 : 0;
        case GgufKind::kF32:
        case GgufKind::kF64: return value.number(-INFINITY, INFINITY);
        default: return static_cast<double>(value.integer(INT64_MIN, INT64_MAX));
    }
}

void refuse_what_is_not_computed(const Gguf& gguf, const std::string& prefix) {
    if (const auto type = gguf.find_value("general.type"); type && type->text() != "model")
        type->refuse("SCHEMA", fmt::format("is {}, wanted a model", in_quotes(type->text())), "give the model's file");
    if (const auto parts = gguf.find_value("split.count"); parts && parts->integer(0, UINT16_MAX) > 1)
        parts->refuse("SCHEMA", "the file is one part of a model", "join the parts into one file");
    for (const Neutral& known : kNeutral) {
        const auto value = gguf.find_value(fmt::format("{}.{}", prefix, known.key));
        if (!value) continue;
        const double x = plain_number(*value);
        if (x != known.one && x != known.other)
            value->refuse("SCHEMA", fmt::format("is {}, which this build does not compute", x), kOther);
    }
}

// Reads "ARCHITECTURE.KEY".
class Values {
public:
    explicit Values(const Gguf& gguf) : gguf_(gguf), prefix_(gguf_architecture(gguf).name) {}

    const std::string& prefix() const { return prefix_; }
    int64_t integer(const char* key) const { return gguf_.value(full(key)).integer(1, kMost); }
    int64_t integer_or(const char* key, int64_t fallback) const {
        const auto value = gguf_.find_value(full(key));
        return value ? value->integer(0, kMost) : fallback;
    }
    // Refuses another value than `wanted`, where there is one.
    void expect(const char* key, int64_t wanted) const {
        const auto value = gguf_.find_value(full(key));
        if (value && value->integer(0, kMost) != wanted)
            value->refuse("SCHEMA", fmt::format("is {}, this build wants {}", value->integer(0, kMost), wanted),
                          kOther);
    }
    std::string full(const char* key) const { return fmt::format("{}.{}", prefix_, key); }

private:
    const Gguf& gguf_;
    std::string prefix_;
};

// Special ids, with llama.cpp's defaults for SentencePiece's vocabularies; null: none.
Json token_id(const Gguf& gguf, const char* name, int64_t sentencepiece_default) {
    if (const auto id = gguf.find_value(fmt::format("tokenizer.ggml.{}_token_id", name))) {
        const int64_t x = id->integer(-1, UINT32_MAX);   // none is −1, also in 32 unsigned bits
        return x >= 0 && x <= kMost ? Json(x) : Json();
    }
    const auto model = gguf.find_value("tokenizer.ggml.model");
    return model && model->text() == "llama" && sentencepiece_default >= 0 ? Json(sentencepiece_default) : Json();
}

const GgufTensor& tensor_at(const Gguf& gguf, std::string_view name) {
    const GgufTensor* tensor = gguf.find(name);
    if (tensor == nullptr)
        throw UserError("MISSING", gguf.file(), "tensor " + in_quotes(name), "is not in the file", "fetch it again");
    return *tensor;
}

// Of plain weights. What those in blocks were once is not in the file: none is said.
Json dtype_name(const Gguf& gguf, const GgufTensor& embedding) {
    for (const GgufTensor& tensor : gguf.tensors())
        if (tensor.type->decode != nullptr) return {};
    switch (embedding.type->rows) {
        case DType::kBf16: return "bfloat16";
        case DType::kF16: return "float16";
        default: return "float32";
    }
}

// A window is Mistral's; of Qwen's windows the file does not tell which layers have one.
void add_what_families_differ_in(const Gguf& gguf, const Values& values, Json& config) {
    const auto has = [&](const char* tensor) { return gguf.find(tensor) != nullptr; };
    if (values.prefix() != "llama") values.expect("attention.sliding_window", 0);
    const int64_t window = values.integer_or("attention.sliding_window", 0);
    if (window > 0) {
        config["architectures"] = {"MistralForCausalLM"};
        config["model_type"] = "mistral";
        config["sliding_window"] = window;
        return;
    }
    if (values.prefix() == "llama") config["mlp_bias"] = has("blk.0.ffn_up.bias");
    if (values.prefix() == "qwen2")
        config["use_sliding_window"] = false;   // queries, keys and values always have biases
    else
        config["attention_bias"] = has("blk.0.attn_q.bias");
}

}   // namespace

std::string gguf_config(const Gguf& gguf) {
    const GgufArchitecture& architecture = gguf_architecture(gguf);
    const Values values(gguf);
    refuse_what_is_not_computed(gguf, values.prefix());
    const int64_t heads = values.integer("attention.head_count"), width = values.integer("embedding_length");
    const int64_t head_dim = values.integer_or("attention.key_length", width / heads);
    values.expect("attention.value_length", head_dim);
    values.expect("rope.dimension_count", head_dim);
    const auto base = gguf.find_value(values.full("rope.freq_base"));
    const double theta = base ? base->number(1e-6, 1e12) : 10000;
    const GgufTensor& embedding = tensor_at(gguf, "token_embd.weight");
    Json config = {
        {"architectures", {architecture.class_name}},
        {"attention_dropout", 0.0},
        {"bos_token_id", token_id(gguf, "bos", 1)},
        {"eos_token_id", token_id(gguf, "eos", 2)},
        {"head_dim", head_dim},
        {"hidden_act", "silu"},
        {"hidden_size", width},
        {"initializer_range", 0.02},
        {"intermediate_size", values.integer("feed_forward_length")},
        {"max_position_embeddings", values.integer("context_length")},
        {"model_type", architecture.model_type},
        {"num_attention_heads", heads},
        {"num_hidden_layers", values.integer("block_count")},
        {"num_key_value_heads", values.integer_or("attention.head_count_kv", heads)},
        {"pad_token_id", token_id(gguf, "padding", -1)},
        {"rms_norm_eps", gguf.value(values.full("attention.layer_norm_rms_epsilon")).number(0, 1)},
        {"rope_scaling", gguf_rope_scaling(gguf, theta, head_dim)},
        {"rope_theta", theta},
        {"tie_word_embeddings", gguf.find("output.weight") == nullptr},
        {"torch_dtype", dtype_name(gguf, embedding)},
        {"use_cache", true},
        {"vocab_size", embedding.rank == 2 ? embedding.extents[1] : 0},
    };
    add_what_families_differ_in(gguf, values, config);
    return hf_json(config);
}

std::string gguf_generation_config(const Gguf& gguf) {
    Json ends = Json::array();
    for (const char* name : {"eos", "eot", "eom"}) {
        const Json id = token_id(gguf, name, name == std::string_view("eos") ? 2 : -1);
        if (!id.is_null() && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
    }
    Json config = {{"bos_token_id", token_id(gguf, "bos", 1)}};
    if (!ends.empty()) config["eos_token_id"] = ends.size() == 1 ? ends.front() : ends;
    if (const Json pad = token_id(gguf, "padding", -1); !pad.is_null()) config["pad_token_id"] = pad;
    return hf_json(config);
}

}   // namespace llmft
