// The families that llmft trains: what distinguishes them within one decoder, and what a key that is absent from
// config.json means to each (transformers, configuration_{llama,mistral,qwen2,qwen3}.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/io/json_field.h"

namespace llmft {

struct Family {
    std::string_view model_type;
    int64_t num_key_value_heads;   // 0: as many as query heads
    int64_t head_dim;              // 0: hidden_size / num_attention_heads
    bool heads_divide_width;       // hidden_size must be a multiple of the heads even where head_dim is given
    int64_t max_position_embeddings;
    std::optional<int64_t> bos_token_id, eos_token_id;
    enum class Bias : uint8_t { kNever, kAlways, kAsked };   // kAsked: attention_bias, mlp_bias
    Bias qkv_bias, o_bias, mlp_bias;
    enum class Windows : uint8_t {
        kNever,
        kEveryLayer,    // unless sliding_window is null
        kUpperLayers,   // with use_sliding_window, from max_window_layers on; layer_types wins
    } windows;
    bool qk_norm;   // queries and keys are normed per head, before RoPE

    // The same in all of them.
    static constexpr double kRmsNormEps = 1e-6;
    static constexpr double kRopeTheta = 10000;
    static constexpr bool kTieWordEmbeddings = false;
    static constexpr int64_t kSlidingWindow = 4096;
    static constexpr int64_t kMaxWindowLayers = 28;
};

constexpr std::string_view kOtherModel = "use a llama, mistral, qwen2 or qwen3 model";   // a remedy

// Refuses what is none of them with what sets it apart.
const Family& family_named(const JsonField& model_type);

}   // namespace llmft
