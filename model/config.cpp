#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 10000;

constexpr const char* kCorrect = "correct the config";

[[noreturn]] void refuse(const JsonField& field, const std::string& what) {
    field.refuse("SCHEMA", what, "this version trains Llama 1/2/3-shaped models without it");
}

// A field that this maths does not have must be absent, null, or its neutral value.
void expect_neutral(const JsonField& config, const char* name, const Json& neutral) {
    const auto field = config.find(name);
    if (field && field->json() != neutral) refuse(*field, fmt::format("{} is not supported", field->json().dump()));
}

void expect_llama(const JsonField& config) {
    const JsonField type = config.at("model_type");
    if (type.text() != "llama") refuse(type, fmt::format("{} is not supported", in_quotes(type.text())));
    if (const auto names = config.find("architectures"))
        for (const JsonField& name : names->items())
            if (name.text() != "LlamaForCausalLM") refuse(name, fmt::format("{} is not a causal Llama", in_quotes(name.text())));
    expect_neutral(config, "hidden_act", "silu");
    for (const char* flag : {"attention_bias", "mlp_bias", "use_sliding_window"}) expect_neutral(config, flag, false);
    for (const char* field : {"attention_dropout", "resid_pdrop", "embd_pdrop"}) expect_neutral(config, field, 0.0);
    expect_neutral(config, "partial_rotary_factor", 1.0);
    for (const char* field : {"sliding_window", "quantization_config", "attn_logit_softcapping", "final_logit_softcapping",
                              "embedding_multiplier", "logits_scaling", "residual_multiplier", "attention_multiplier", "num_experts",
                              "num_local_experts"})
        expect_neutral(config, field, nullptr);
    if (const auto types = config.find("layer_types"))
        for (const JsonField& one : types->items())
            if (one.text() != "full_attention") refuse(one, fmt::format("{} is not supported", in_quotes(one.text())));
}

int64_t integer_or(const JsonField& object, const char* name, int64_t least, int64_t most, int64_t fallback) {
    const auto field = object.find(name);
    return field ? field->integer(least, most) : fallback;
}

double number_or(const JsonField& object, const char* name, double least, double most, double fallback) {
    const auto field = object.find(name);
    return field ? field->number(least, most) : fallback;
}

Llama3Rope read_llama3(const JsonField& rope) {
    const Llama3Rope r = {.factor = rope.at("factor").number(1, 1e6),
                          .low_freq_factor = rope.at("low_freq_factor").number(1e-6, 1e6),
                          .high_freq_factor = rope.at("high_freq_factor").number(1e-6, 1e6),
                          .original_max_position_embeddings = rope.at("original_max_position_embeddings").number(1, 1e9)};
    if (r.high_freq_factor <= r.low_freq_factor) rope.at("high_freq_factor").refuse("RANGE", "it must exceed low_freq_factor", kCorrect);
    return r;
}

// The three spellings: rope_theta with rope_scaling {"rope_type"} or {"type"} (transformers 4), rope_parameters (5).
void read_rope(const JsonField& config, ModelConfig& out) {
    constexpr double kDefaultTheta = 10000;
    out.rope_theta = number_or(config, "rope_theta", 1, 1e12, kDefaultTheta);
    auto rope = config.find("rope_parameters");
    if (!rope) rope = config.find("rope_scaling");
    if (!rope) return;
    rope->expect_object();
    out.rope_theta = number_or(*rope, "rope_theta", 1, 1e12, out.rope_theta);
    expect_neutral(*rope, "partial_rotary_factor", 1.0);
    const std::string type = rope->text_or("rope_type", rope->text_or("type", "default"));
    if (type == "llama3")
        out.rope_llama3 = read_llama3(*rope);
    else if (type != "default")
        refuse(*rope, fmt::format("rope_type {} is not supported", in_quotes(type)));
}

void check_heads(const ModelConfig& c, const JsonField& config) {
    if (c.num_attention_heads % c.num_key_value_heads != 0)
        config.at("num_key_value_heads").refuse("RANGE", fmt::format("{} does not divide num_attention_heads {}", c.num_key_value_heads, c.num_attention_heads), kCorrect);
    if (c.head_dim % 2 != 0) config.at("hidden_size").refuse("RANGE", fmt::format("head_dim {} is odd", c.head_dim), kCorrect);
}

// An id, a list of ids, or nothing; -1 means none.
std::vector<int32_t> token_ids(const JsonField& config, const char* name) {
    const auto field = config.find(name);
    if (!field) return {};
    std::vector<int32_t> ids;
    for (const JsonField& one : field->json().is_array() ? field->items() : std::vector<JsonField>{*field})
        if (const int64_t id = one.integer(-1, INT32_MAX); id >= 0) ids.push_back(static_cast<int32_t>(id));
    return ids;
}

}  // namespace

ModelConfig ModelConfig::load(const std::filesystem::path& folder) {
    const std::string file = (folder / "config.json").string();
    const Json document = parse_json_file(file, JsonLimits{});
    const JsonField config(document, file, "");
    config.expect_object();
    expect_llama(config);
    ModelConfig c;
    c.name = folder.string();
    c.hidden_size = config.at("hidden_size").integer(1, kMaxWidth);
    c.intermediate_size = config.at("intermediate_size").integer(1, kMaxWidth);
    c.num_hidden_layers = config.at("num_hidden_layers").integer(1, kMaxLayers);
    c.num_attention_heads = config.at("num_attention_heads").integer(1, kMaxWidth);
    c.num_key_value_heads = integer_or(config, "num_key_value_heads", 1, c.num_attention_heads, c.num_attention_heads);
    if (!config.find("head_dim") && c.hidden_size % c.num_attention_heads != 0)
        config.at("num_attention_heads").refuse("RANGE", fmt::format("{} does not divide hidden_size {}", c.num_attention_heads, c.hidden_size), kCorrect);
    constexpr int64_t kMaxHeadDim = 256;   // of the attention kernels
    c.head_dim = integer_or(config, "head_dim", 2, kMaxHeadDim, c.hidden_size / c.num_attention_heads);
    if (c.head_dim > kMaxHeadDim) config.at("num_attention_heads").refuse("RANGE", fmt::format("head_dim {} exceeds {}", c.head_dim, kMaxHeadDim), kCorrect);
    c.vocab_size = config.at("vocab_size").integer(1, int64_t{1} << 30);
    constexpr int64_t kDefaultPositions = 2048;
    c.max_position_embeddings = integer_or(config, "max_position_embeddings", 1, int64_t{1} << 40, kDefaultPositions);
    c.rms_norm_eps = static_cast<float>(number_or(config, "rms_norm_eps", 0, 1, 1e-6));
    c.tie_word_embeddings = config.flag_or("tie_word_embeddings", false);
    c.eos_token_ids = token_ids(config, "eos_token_id");
    if (const auto bos = token_ids(config, "bos_token_id"); !bos.empty()) c.bos_token_id = bos.front();
    read_rope(config, c);
    check_heads(c, config);
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
