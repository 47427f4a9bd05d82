// The config.json of a Llama-family model, read and checked once: everything above may believe every field. Field names
// are transformers', defaults those of the family (model/families.h). What would change the mathematics and is not
// built is refused by name; a key that changes nothing is ignored and kept in unknown_keys.
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
#include "model/rope.h"

namespace llmft {

struct ModelConfig {
    std::string model_type;
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
    int64_t sliding_window = 0;   // keys that a query of a windowed layer sees, its own the last; 0: no layer has one
    std::vector<bool> windowed;   // (L), or empty where no layer is
    bool qkv_bias = false, o_bias = false, mlp_bias = false;
    bool qk_norm = false;   // queries and keys are normed per head, before RoPE
    RopeConfig rope;
    std::optional<DType> dtype;                 // what the weights are said to be in
    std::optional<Quantization> quantization;   // how linears are stored, where the file says so
    std::optional<int64_t> bos_token_id, pad_token_id;
    std::vector<int64_t> eos_token_ids;
    std::vector<std::string> unknown_keys;

    int64_t window(int64_t layer) const {
        return windowed.empty() || !windowed[static_cast<size_t>(layer)] ? 0 : sliding_window;
    }
};

// The model's config.json. Errors: those of parse_json, and UserError SCHEMA, RANGE, UNSAFE.
ModelConfig read_model_config(const ModelSource& model);
// The same of a file or a model folder.
ModelConfig read_model_config(const std::filesystem::path& path);
// The same from the text of a config.json; `file` is what errors call it.
ModelConfig parse_model_config(std::string_view text, const std::string& file);

// Every weight once: a tied head is the embedding.
int64_t parameter_count(const ModelConfig&);
// The weights of the seven projections of all layers.
int64_t linear_parameter_count(const ModelConfig&);

}   // namespace llmft
