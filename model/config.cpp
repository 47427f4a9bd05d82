#include "model/config.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

// Bounds that no model comes near and whose products stay far below 2^63.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxMlpWidth = int64_t{1} << 22;
constexpr int64_t kMaxLayers = int64_t{1} << 14;
constexpr int64_t kMaxHeads = int64_t{1} << 14;
constexpr int64_t kMaxHeadDim = 256;   // of the attention kernels
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();   // positions are int32
constexpr int64_t kMaxToken = std::numeric_limits<int32_t>::max();
constexpr double kTiny = std::numeric_limits<float>::min();
constexpr double kMaxFactor = 1e6;
constexpr double kMaxTheta = 1e12;
constexpr std::string_view kOther = "llmft trains Llama models; use another model";
constexpr std::string_view kRepair = "repair config.json or fetch it again";

int64_t required(Fields& fields, const JsonField& whole, const char* key, int64_t most) {
    const auto field = fields.find(key);
    // LlamaConfig would fill in the 7B model's size; a file that leaves out its own size is damaged.
    if (!field)
        JsonField(whole.json(), whole.file(), key)
            .refuse("RANGE", fmt::format("is missing, wanted 1 to {}", most), kRepair);
    return field->integer(1, most);
}

int64_t integer_or(Fields& fields, const char* key, int64_t fallback, int64_t most) {
    const auto field = fields.find(key);
    return field ? field->integer(1, most) : fallback;
}

double number_or(Fields& fields, const char* key, double fallback, double least, double most) {
    const auto field = fields.find(key);
    return field ? field->number(least, most) : fallback;
}

bool flag_or(Fields& fields, const char* key, bool fallback) {
    const auto field = fields.find(key);
    return field ? field->flag() : fallback;
}

[[noreturn]] void refuse_unbuilt(const JsonField& field) {
    const Json& value = field.json();
    const std::string got =
        value.is_primitive() ? in_quotes(value.is_string() ? value.get<std::string>() : value.dump()) : "set";
    field.refuse("SCHEMA", fmt::format("is {}, which this build does not compute", got), kOther);
}

// Keys that must be absent, null, or have the one value that changes nothing.
void expect_plain_llama(Fields& fields, int64_t layers) {
    if (const auto map = fields.find("auto_map"))
        map->refuse("UNSAFE", "the model wants to run code of its own", "use a model of a built-in architecture");
    const auto type = fields.at("model_type");
    if (type.text() != "llama") refuse_unbuilt(type);
    if (const auto act = fields.find("hidden_act"))
        if (act->text() != "silu" && act->text() != "swish") refuse_unbuilt(*act);
    for (const char* key : {"attention_bias", "mlp_bias"})
        if (const auto field = fields.find(key))
            if (field->flag()) refuse_unbuilt(*field);
    for (const char* key :
         {"sliding_window", "attn_logit_softcapping", "final_logit_softcapping"})
        if (const auto field = fields.find(key)) refuse_unbuilt(*field);
    if (const auto dropout = fields.find("attention_dropout"))
        if (dropout->number(0, 1) != 0) refuse_unbuilt(*dropout);
    if (const auto types = fields.find("layer_types")) {
        const auto items = types->items();
        for (const JsonField& item : items)
            if (item.text() != "full_attention") refuse_unbuilt(item);
        if (static_cast<int64_t>(items.size()) != layers)
            types->refuse("SCHEMA",
                          fmt::format("has {} entries, wanted one for each of {} layers", items.size(), layers),
                          kRepair);
    }
}

void expect_full_rotation(Fields& fields) {
    if (const auto part = fields.find("partial_rotary_factor"))
        if (part->number(0, 1) != 1) refuse_unbuilt(*part);
}

// Three spellings: rope_theta beside rope_scaling (which wins, as in transformers), or all in rope_parameters.
RopeConfig read_rope(Fields& fields, int64_t max_positions) {
    RopeConfig rope;
    rope.theta = number_or(fields, "rope_theta", rope.theta, kTiny, kMaxTheta);
    expect_full_rotation(fields);
    const auto outer_original = fields.find("original_max_position_embeddings");
    const auto parameters = fields.find("rope_parameters"), scaling = fields.find("rope_scaling");
    const auto& dict = scaling && !(scaling->json().is_object() && scaling->json().empty()) ? scaling : parameters;
    if (!dict) return rope;

    Fields in(*dict);
    rope.theta = number_or(in, "rope_theta", rope.theta, kTiny, kMaxTheta);
    expect_full_rotation(in);
    auto kind = in.find("rope_type");
    if (!kind) kind = in.find("type");
    if (!kind || kind->text() == "default") return rope;
    if (kind->text() != "llama3")
        kind->refuse("RANGE", fmt::format("is {}, this build has default and llama3", in_quotes(kind->text())), kOther);

    rope.kind = RopeKind::kLlama3;
    rope.factor = in.at("factor").number(kTiny, kMaxFactor);
    rope.low_freq_factor = in.at("low_freq_factor").number(kTiny, kMaxFactor);
    const auto high = in.at("high_freq_factor");
    rope.high_freq_factor = high.number(kTiny, kMaxFactor);
    if (!(rope.high_freq_factor > rope.low_freq_factor))
        high.refuse(
            "RANGE",
            fmt::format("is {}, wanted more than low_freq_factor {}", rope.high_freq_factor, rope.low_freq_factor),
            kRepair);
    const auto original = outer_original ? outer_original : in.find("original_max_position_embeddings");
    rope.original_max_positions = original ? original->integer(1, kMaxPositions) : max_positions;
    return rope;
}

std::optional<DType> read_dtype(Fields& fields) {
    const auto modern = fields.find("dtype"), legacy = fields.find("torch_dtype");
    const auto& field = modern ? modern : legacy;
    if (!field) return std::nullopt;
    const std::string name = field->text();
    if (name == "float32") return DType::kF32;
    if (name == "bfloat16") return DType::kBf16;
    if (name == "float16") return DType::kF16;
    if (name == "auto") return std::nullopt;
    field->refuse("DTYPE", fmt::format("is {}, wanted float32, bfloat16 or float16", in_quotes(name)), kRepair);
}

// Some files say −1 for "none".
std::optional<int64_t> token(const std::optional<JsonField>& field) {
    if (!field) return std::nullopt;
    const int64_t id = field->integer(-1, kMaxToken);
    return id < 0 ? std::nullopt : std::optional(id);
}

// An absent key is LlamaConfig's default (1 begins, 2 ends), null is none.
void read_tokens(Fields& fields, const JsonField& whole, ModelConfig& c) {
    const auto bos = fields.find("bos_token_id"), eos = fields.find("eos_token_id");
    c.bos_token_id = whole.json().contains("bos_token_id") ? token(bos) : 1;
    c.pad_token_id = token(fields.find("pad_token_id"));
    if (!whole.json().contains("eos_token_id")) c.eos_token_ids = {2};
    if (!eos) return;
    const auto items = eos->json().is_array() ? eos->items() : std::vector{*eos};
    for (const JsonField& item : items)
        if (const auto id = token(item)) c.eos_token_ids.push_back(*id);
}

void read_heads(Fields& fields, const JsonField& whole, ModelConfig& c) {
    c.num_attention_heads = required(fields, whole, "num_attention_heads", kMaxHeads);
    c.num_key_value_heads = integer_or(fields, "num_key_value_heads", c.num_attention_heads, kMaxHeads);
    const auto refuse = [&](const char* key, const std::string& what) {
        JsonField(whole.json(), whole.file(), key).refuse("RANGE", what, kRepair);
    };
    if (c.hidden_size % c.num_attention_heads != 0)
        refuse("num_attention_heads",
               fmt::format("is {}, which does not divide hidden_size {}", c.num_attention_heads, c.hidden_size));
    if (c.num_attention_heads % c.num_key_value_heads != 0)
        refuse("num_key_value_heads", fmt::format("is {}, which does not divide num_attention_heads {}",
                                                  c.num_key_value_heads, c.num_attention_heads));
    c.head_dim = integer_or(fields, "head_dim", c.hidden_size / c.num_attention_heads, kMaxHeadDim);
    if (c.head_dim % 2 != 0) refuse("head_dim", fmt::format("is {}, wanted an even number", c.head_dim));
    if (c.num_attention_heads * c.head_dim > kMaxMlpWidth)
        refuse("head_dim",
               fmt::format("is {}: {} heads are wider than {}", c.head_dim, c.num_attention_heads, kMaxMlpWidth));
}

// What transformers writes and this build needs not know.
void skip_harmless(Fields& fields) {
    for (const char* key : {"architectures", "initializer_range", "pretraining_tp", "transformers_version", "use_cache",
                            "_name_or_path", "is_llama_config", "rope_interleaved", "rope_theta", "torch_dtype"})
        fields.find(key);
}

float divided(float scalar, float x) {
    return 1.0f / x * scalar;
}   // as torch divides a number by a tensor

}   // namespace

ModelConfig parse_model_config(std::string_view text, const std::string& file) {
    const Json json = parse_json(text, file, {});
    const JsonField whole(json, file, "");
    Fields fields(whole);
    ModelConfig c;
    c.num_hidden_layers = required(fields, whole, "num_hidden_layers", kMaxLayers);
    expect_plain_llama(fields, c.num_hidden_layers);
    c.hidden_size = required(fields, whole, "hidden_size", kMaxWidth);
    c.intermediate_size = required(fields, whole, "intermediate_size", kMaxMlpWidth);
    c.vocab_size = required(fields, whole, "vocab_size", kMaxVocab);
    read_heads(fields, whole, c);
    c.max_position_embeddings = integer_or(fields, "max_position_embeddings", 2048, kMaxPositions);
    c.rms_norm_eps = static_cast<float>(number_or(fields, "rms_norm_eps", 1e-6, 0, 1));
    c.tie_word_embeddings = flag_or(fields, "tie_word_embeddings", false);
    c.rope = read_rope(fields, c.max_position_embeddings);
    c.dtype = read_dtype(fields);
    if (const auto quantization = fields.find("quantization_config")) c.quantization = Quantization::read(*quantization);
    read_tokens(fields, whole, c);
    skip_harmless(fields);
    c.unknown_keys = fields.unread();
    return c;
}

ModelConfig read_model_config(const ModelSource& model) {
    return parse_model_config(model.text("config.json", JsonLimits{}.bytes), model.label("config.json"));
}

ModelConfig read_model_config(const std::filesystem::path& path) {
    const Path file = std::filesystem::is_directory(path) ? path / "config.json" : path;
    return parse_model_config(read_file(file, JsonLimits{}.bytes), file.string());
}

std::vector<float> rope_inv_freq(const ModelConfig& c) {
    const RopeConfig& r = c.rope;
    const auto theta = static_cast<float>(r.theta), dim = static_cast<float>(c.head_dim);
    std::vector<float> inv_freq;
    for (int64_t i = 0; i < c.head_dim; i += 2)
        inv_freq.push_back(1.0f / static_cast<float>(std::pow(double{theta}, double{static_cast<float>(i) / dim})));
    if (r.kind == RopeKind::kDefault) return inv_freq;

    const auto original = static_cast<double>(r.original_max_positions);
    const auto longest = static_cast<float>(original / r.low_freq_factor),
               shortest = static_cast<float>(original / r.high_freq_factor);
    const auto factor = static_cast<float>(r.factor), low = static_cast<float>(r.low_freq_factor);
    const auto between = static_cast<float>(r.high_freq_factor - r.low_freq_factor);
    for (float& f : inv_freq) {
        const float wavelength = divided(static_cast<float>(2 * M_PI), f);
        if (wavelength > longest) {
            f = f / factor;
        } else if (!(wavelength < shortest)) {
            const float smooth = (divided(static_cast<float>(original), wavelength) - low) / between;
            f = (1.0f - smooth) * f / factor + smooth * f;
        }
    }
    return inv_freq;
}

int64_t linear_parameter_count(const ModelConfig& c) {
    const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
    return c.num_hidden_layers * c.hidden_size * (2 * q + 2 * kv + 3 * c.intermediate_size);
}

int64_t parameter_count(const ModelConfig& c) {
    const int64_t tables = c.tie_word_embeddings ? 1 : 2;
    const int64_t norms = 2 * c.num_hidden_layers + 1;
    return linear_parameter_count(c) + tables * c.vocab_size * c.hidden_size + norms * c.hidden_size;
}

}   // namespace llmft
