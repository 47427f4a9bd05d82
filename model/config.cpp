#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/io/json.h"

namespace llmft {
namespace {

constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 10000;

[[noreturn]] void refuse(const std::string& file, const std::string& field, const std::string& what) {
    throw UserError("SCHEMA", file, field, what, "this version trains Llama 1/2/3-shaped models without it");
}

// A field that this maths does not have must be absent, null, or its neutral value.
void expect_neutral(const Json& config, const std::string& file, const char* field, const Json& neutral) {
    const auto at = config.find(field);
    if (at == config.end() || at->is_null() || *at == neutral) return;
    refuse(file, field, fmt::format("{} is not supported", at->dump()));
}

void expect_llama(const Json& config, const std::string& file) {
    const Fields fields(config, file);
    if (const std::string type = fields.string("model_type"); type != "llama") refuse(file, "model_type", fmt::format("\"{}\" is not supported", type));
    if (const Json* names = fields.find("architectures"); names && names->is_array() && !names->empty() && names->front() != "LlamaForCausalLM")
        refuse(file, "architectures", fmt::format("{} is not a causal Llama", names->front().dump()));
    expect_neutral(config, file, "hidden_act", "silu");
    for (const char* flag : {"attention_bias", "mlp_bias", "use_sliding_window"}) expect_neutral(config, file, flag, false);
    expect_neutral(config, file, "attention_dropout", 0.0);
    expect_neutral(config, file, "partial_rotary_factor", 1.0);
    for (const char* field : {"sliding_window", "quantization_config", "attn_logit_softcapping", "final_logit_softcapping",
                              "embedding_multiplier", "logits_scaling", "residual_multiplier", "attention_multiplier", "num_experts",
                              "num_local_experts"})
        expect_neutral(config, file, field, nullptr);
    if (const Json* types = fields.find("layer_types"); types && types->is_array())
        for (const Json& type : *types)
            if (type != "full_attention") refuse(file, "layer_types", fmt::format("{} is not supported", type.dump()));
}

// The three spellings: rope_theta with rope_scaling {"rope_type"} or {"type"} (transformers 4), rope_parameters (5).
void read_rope(const Json& config, const std::string& file, ModelConfig& out) {
    const Fields top(config, file);
    const Json* parameters = top.find("rope_parameters");
    const char* name = parameters && parameters->is_object() ? "rope_parameters" : "rope_scaling";
    const Json* scaling = top.find(name);
    constexpr double kDefaultTheta = 10000;
    out.rope_theta = top.number("rope_theta", 1, 1e12, kDefaultTheta);
    if (!scaling || scaling->is_null()) return;
    if (!scaling->is_object()) refuse(file, name, "it must be an object or null");
    const Fields rope(*scaling, file, name);
    out.rope_theta = rope.number("rope_theta", 1, 1e12, out.rope_theta);
    expect_neutral(*scaling, file, "partial_rotary_factor", 1.0);
    const std::string type = rope.find("rope_type") ? rope.string("rope_type") : rope.string("type", "default");
    if (type == "default") return;
    if (type != "llama3") refuse(file, std::string(name) + ".rope_type", fmt::format("\"{}\" is not supported", type));
    out.rope_llama3 = Llama3Rope{
        .factor = rope.number("factor", 1, 1e6),
        .low_freq_factor = rope.number("low_freq_factor", 1e-6, 1e6),
        .high_freq_factor = rope.number("high_freq_factor", 1e-6, 1e6),
        .original_max_position_embeddings = rope.number("original_max_position_embeddings", 1, 1e9)};
    if (out.rope_llama3->high_freq_factor <= out.rope_llama3->low_freq_factor)
        throw UserError("RANGE", file, std::string(name) + ".high_freq_factor", "it must exceed low_freq_factor", "correct the config");
}

void check_heads(const ModelConfig& c, const std::string& file) {
    if (c.num_attention_heads % c.num_key_value_heads != 0)
        throw UserError("RANGE", file, "num_key_value_heads",
                        fmt::format("{} does not divide num_attention_heads {}", c.num_key_value_heads, c.num_attention_heads),
                        "correct the config");
    if (c.head_dim % 2 != 0) throw UserError("RANGE", file, "head_dim", fmt::format("{} is odd", c.head_dim), "correct the config");
}

std::vector<int32_t> token_ids(const Json& config, const char* field, const std::string& file) {
    const auto at = config.find(field);
    if (at == config.end() || at->is_null()) return {};
    std::vector<int32_t> ids;
    for (const Json& one : at->is_array() ? *at : Json::array({*at})) {
        if (!one.is_number_integer() || one.get<int64_t>() < -1 || one.get<int64_t>() > INT32_MAX)
            throw UserError("SCHEMA", file, field, fmt::format("{} is not a token id", one.dump()), "correct the config");
        if (one.get<int64_t>() >= 0) ids.push_back(one.get<int32_t>());
    }
    return ids;
}

}  // namespace

ModelConfig ModelConfig::load(const std::filesystem::path& folder) {
    const std::string file = (folder / "config.json").string();
    const Json config = parse_json_file(file, JsonLimits{});
    if (!config.is_object()) throw UserError("SCHEMA", file, "", "it is not an object", "give a Hugging Face model folder");
    expect_llama(config, file);
    const Fields fields(config, file);
    ModelConfig c;
    c.name = folder.string();
    c.hidden_size = fields.integer("hidden_size", 1, kMaxWidth);
    c.intermediate_size = fields.integer("intermediate_size", 1, kMaxWidth);
    c.num_hidden_layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
    c.num_attention_heads = fields.integer("num_attention_heads", 1, kMaxWidth);
    c.num_key_value_heads = fields.integer("num_key_value_heads", 1, c.num_attention_heads, c.num_attention_heads);
    if (!fields.find("head_dim") && c.hidden_size % c.num_attention_heads != 0)
        throw UserError("RANGE", file, "num_attention_heads", fmt::format("{} does not divide hidden_size {}", c.num_attention_heads, c.hidden_size),
                        "correct the config");
    c.head_dim = fields.integer("head_dim", 2, 1 << 14, c.hidden_size / c.num_attention_heads);
    c.vocab_size = fields.integer("vocab_size", 1, int64_t{1} << 30);
    constexpr int64_t kDefaultPositions = 2048;
    c.max_position_embeddings = fields.integer("max_position_embeddings", 1, int64_t{1} << 40, kDefaultPositions);
    c.rms_norm_eps = static_cast<float>(fields.number("rms_norm_eps", 0, 1, 1e-6));
    c.tie_word_embeddings = fields.boolean("tie_word_embeddings", false);
    c.eos_token_ids = token_ids(config, "eos_token_id", file);
    if (const auto bos = token_ids(config, "bos_token_id", file); !bos.empty()) c.bos_token_id = bos.front();
    read_rope(config, file, c);
    check_heads(c, file);
    return c;
}

int64_t ModelConfig::linear_parameters() const {
    const int64_t q = num_attention_heads * head_dim, kv = num_key_value_heads * head_dim;
    return num_hidden_layers * (hidden_size * (2 * q + 2 * kv) + 3 * hidden_size * intermediate_size);
}

int64_t ModelConfig::all_parameters() const {
    const int64_t norms = (2 * num_hidden_layers + 1) * hidden_size;
    return linear_parameters() + norms + (tie_word_embeddings ? 1 : 2) * vocab_size * hidden_size;
}

std::vector<float> rope_inv_freq(const ModelConfig& c) {
    constexpr double kPi = 3.14159265358979323846;
    std::vector<float> inv_freq(static_cast<size_t>(c.head_dim / 2));
    for (size_t i = 0; i < inv_freq.size(); ++i) {
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(c.head_dim);
        inv_freq[i] = 1.0f / static_cast<float>(std::pow(c.rope_theta, static_cast<double>(exponent)));
    }
    if (!c.rope_llama3) return inv_freq;
    const Llama3Rope& rope = *c.rope_llama3;
    const auto context = static_cast<float>(rope.original_max_position_embeddings);
    const auto factor = static_cast<float>(rope.factor);
    for (float& f : inv_freq) {
        const float wavelength = static_cast<float>(2 * kPi) / f;
        if (wavelength < context / static_cast<float>(rope.high_freq_factor)) continue;
        if (wavelength > context / static_cast<float>(rope.low_freq_factor)) {
            f = f / factor;
            continue;
        }
        const float smooth = (context / wavelength - static_cast<float>(rope.low_freq_factor)) /
                             static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
        f = (1 - smooth) * f / factor + smooth * f;
    }
    return inv_freq;
}

}  // namespace llmft
