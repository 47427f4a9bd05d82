// A Llama model's config.json, read and checked once: everything above may believe every field. Field names, defaults
// and formulas: transformers, LlamaConfig, LlamaRotaryEmbedding and modeling_rope_utils. What would change the
// mathematics and is not built is refused by name; a key that changes nothing is ignored and kept in unknown_keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/model_source.h"
#include "kernels/base/dtype.h"
#include "model/quantization.h"

namespace llmft {

enum class RopeKind : uint8_t { kDefault, kLlama3 };

struct RopeConfig {
    RopeKind kind = RopeKind::kDefault;
    double theta = 10000;
    // kLlama3 alone:
    double factor = 1;             // frequencies of long wavelengths are divided by it
    double low_freq_factor = 1;    // wavelengths beyond original_max_positions / low_freq_factor are long
    double high_freq_factor = 4;   // those below original_max_positions / high_freq_factor are short
    int64_t original_max_positions = 0;
};

struct ModelConfig {
    int64_t hidden_size = 0;           // C
    int64_t intermediate_size = 0;     // F
    int64_t num_hidden_layers = 0;     // L
    int64_t num_attention_heads = 0;   // H
    int64_t num_key_value_heads = 0;   // Hk
    int64_t head_dim = 0;              // D, even
    int64_t vocab_size = 0;            // V
    int64_t max_position_embeddings = 0;
    float rms_norm_eps = 0;
    bool tie_word_embeddings = false;
    bool qkv_bias = false, o_bias = false, mlp_bias = false;
    RopeConfig rope;
    std::optional<DType> dtype;   // what the weights are said to be in
    std::optional<Quantization> quantization;   // how linears are stored, where the file says so
    std::optional<int64_t> bos_token_id, pad_token_id;
    std::vector<int64_t> eos_token_ids;
    std::vector<std::string> unknown_keys;
};

// The model's config.json. Errors: those of parse_json, and UserError SCHEMA, RANGE, UNSAFE.
ModelConfig read_model_config(const ModelSource& model);
// The same of a file or a model folder.
ModelConfig read_model_config(const std::filesystem::path& path);
// The same from the text of a config.json; `file` is what errors call it.
ModelConfig parse_model_config(std::string_view text, const std::string& file);

// (D/2) f32: the angle of pair i at position p is p · inv_freq[i]. In f32, in the order of transformers' operations.
std::vector<float> rope_inv_freq(const ModelConfig&);

// Every weight once: a tied head is the embedding.
int64_t parameter_count(const ModelConfig&);
// The weights of the seven projections of all layers.
int64_t linear_parameter_count(const ModelConfig&);

}   // namespace llmft
