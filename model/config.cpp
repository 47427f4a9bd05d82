#include "model/config.h"

#include "engine/log/log.h"
#include "model/config_fields.h"

namespace llmft {
namespace {

// Bounds that no model comes near and whose products stay far below 2^63.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxToken = std::numeric_limits<int32_t>::max();

// Keys that must be absent, null, false, or have the one value that changes nothing.
void expect_known_maths(Fields& fields) {
    if (const auto map = fields.find("auto_map"))
        map->refuse("UNSAFE", "the model wants to run code of its own", "use a model of a built-in architecture");
    if (const auto act = fields.find("hidden_act"))
        if (act->text() != "silu" && act->text() != "swish") refuse_unbuilt(*act);
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping", "num_experts", "num_local_experts",
                            "clip_qkv", "use_qk_norm", "rope_interleaved", "qk_layernorm", "no_rope_layers",
                            "attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling"})
        if (const auto field = fields.find(key))
            if (!(field->json().is_boolean() && !field->flag())) refuse_unbuilt(*field);
    if (const auto dropout = fields.find("attention_dropout"))
        if (dropout->number(0, 1) != 0) refuse_unbuilt(*dropout);
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

// An absent key is the family's default, null is none.
void read_tokens(Fields& fields, const JsonField& whole, const Family& family, ModelConfig& c) {
    const auto bos = fields.find("bos_token_id"), eos = fields.find("eos_token_id");
    c.bos_token_id = whole.json().contains("bos_token_id") ? token(bos) : family.bos_token_id;
    c.pad_token_id = token(fields.find("pad_token_id"));
    if (!whole.json().contains("eos_token_id") && family.eos_token_id) c.eos_token_ids = {*family.eos_token_id};
    if (!eos) return;
    const auto items = eos->json().is_array() ? eos->items() : std::vector{*eos};
    for (const JsonField& item : items)
        if (const auto id = token(item)) c.eos_token_ids.push_back(*id);
}

// What transformers writes and this build needs not know.
void skip_harmless(Fields& fields) {
    for (const char* key : {"architectures", "initializer_range", "pretraining_tp", "transformers_version", "use_cache",
                            "_name_or_path", "is_llama_config", "rope_theta", "torch_dtype"})
        fields.find(key);
}

// What users of transformers would not expect.
ModelConfig announced(ModelConfig c) {
    if (c.rope.kind == RopeKind::kDynamic || c.rope.kind == RopeKind::kLongRope)
        log::note(
            fmt::format("rope_type {}: frequencies follow the length of each document (beyond {} tokens), where "
                        "transformers takes the longest of a batch",
                        c.rope.kind == RopeKind::kDynamic ? "dynamic" : "longrope", c.rope.original_max_positions));
    return c;
}

}   // namespace

ModelConfig parse_model_config(std::string_view text, const std::string& file) {
    const Json json = parse_json(text, file, {});
    const JsonField whole(json, file, "");
    Fields fields(whole);
    const Family& family = family_named(fields.at("model_type"));
    ModelConfig c;
    c.model_type = family.model_type;
    c.qk_norm = family.qk_norm;
    expect_known_maths(fields);
    c.num_hidden_layers = required(fields, whole, "num_hidden_layers", kMaxLayers);
    c.hidden_size = required(fields, whole, "hidden_size", kMaxWidth);
    c.intermediate_size = required(fields, whole, "intermediate_size", kMaxMlpWidth);
    c.vocab_size = required(fields, whole, "vocab_size", kMaxVocab);
    read_heads(fields, whole, family, c);
    read_biases(fields, family, c);
    read_windows(fields, whole, family, c);
    c.max_position_embeddings =
        integer_or(fields, "max_position_embeddings", family.max_position_embeddings, kMaxPositions);
    c.rms_norm_eps = static_cast<float>(number_or(fields, "rms_norm_eps", Family::kRmsNormEps, 0, 1));
    c.tie_word_embeddings = flag_or(fields, "tie_word_embeddings", Family::kTieWordEmbeddings);
    c.rope = read_rope(fields, {.head_dim = c.head_dim, .max_positions = c.max_position_embeddings});
    c.dtype = read_dtype(fields);
    if (const auto quantization = fields.find("quantization_config"))
        c.quantization = Quantization::read(*quantization);
    read_tokens(fields, whole, family, c);
    skip_harmless(fields);
    c.unknown_keys = fields.unread();
    return c;
}

ModelConfig read_model_config(const ModelSource& model) {
    return announced(parse_model_config(model.text("config.json", JsonLimits{}.bytes), model.label("config.json")));
}

ModelConfig read_model_config(const std::filesystem::path& path) {
    const Path file = std::filesystem::is_directory(path) ? path / "config.json" : path;
    return parse_model_config(read_file(file, JsonLimits{}.bytes), file.string());
}

int64_t linear_parameter_count(const ModelConfig& c) {
    const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
    return c.num_hidden_layers * c.hidden_size * (2 * q + 2 * kv + 3 * c.intermediate_size);
}

int64_t parameter_count(const ModelConfig& c) {
    const int64_t tables = c.tie_word_embeddings ? 1 : 2;
    const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
    const int64_t biases = (c.qkv_bias ? q + 2 * kv : 0) + (c.o_bias ? c.hidden_size : 0) +
                           (c.mlp_bias ? 2 * c.intermediate_size + c.hidden_size : 0);
    const int64_t norms = 2 * c.hidden_size + (c.qk_norm ? 2 * c.head_dim : 0);
    return linear_parameter_count(c) + c.num_hidden_layers * (biases + norms) + tables * c.vocab_size * c.hidden_size +
           c.hidden_size;
}

}   // namespace llmft
