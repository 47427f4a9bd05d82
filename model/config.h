// The shape of a model, from config.json. Every field that changes the maths is validated once, here; what the maths does not
// know yet is refused by name, because a peer that ignores such a field trains a wrong model in silence.
// Names and class defaults: transformers, configuration_llama.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace llmft {

// rope_type "llama3": long wavelengths are divided by `factor`, short ones kept, those between blended.
struct Llama3Rope {
    double factor;
    double low_freq_factor;
    double high_freq_factor;
    double original_max_position_embeddings;
};

struct ModelConfig {
    std::string name;   // the folder, for messages
    int64_t hidden_size = 0;             // C
    int64_t intermediate_size = 0;       // F
    int64_t num_hidden_layers = 0;       // L
    int64_t num_attention_heads = 0;     // H
    int64_t num_key_value_heads = 0;     // Hk
    int64_t head_dim = 0;                // D
    int64_t vocab_size = 0;              // V
    int64_t max_position_embeddings = 0;
    float rms_norm_eps = 0;
    double rope_theta = 0;
    std::optional<Llama3Rope> rope_llama3;   // else default
    bool tie_word_embeddings = false;
    std::vector<int32_t> eos_token_ids;   // empty, one, or several
    std::optional<int32_t> bos_token_id;

    // From FOLDER/config.json. Throws UserError with file and field.
    static ModelConfig load(const std::filesystem::path& folder);

    int64_t linear_parameters() const;   // of the blocks' linears
    int64_t all_parameters() const;      // a tied head counts once
};

// (D/2) inverse frequencies, in f32 steps in transformers' order (modeling_rope_utils.py).
std::vector<float> rope_inv_freq(const ModelConfig&);

}  // namespace llmft
