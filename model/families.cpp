#include "model/families.h"

#include <fmt/format.h>

#include "engine/io/quote.h"

namespace llmft {
namespace {

using Bias = Family::Bias;
using Windows = Family::Windows;

constexpr Family kFamilies[] = {
    {.model_type = "llama",
     .num_key_value_heads = 0,
     .head_dim = 0,
     .heads_divide_width = true,
     .max_position_embeddings = 2048,
     .bos_token_id = 1,
     .eos_token_id = 2,
     .qkv_bias = Bias::kAsked,
     .o_bias = Bias::kAsked,
     .mlp_bias = Bias::kAsked,
     .windows = Windows::kNever,
     .qk_norm = false},
    {.model_type = "mistral",
     .num_key_value_heads = 8,
     .head_dim = 0,
     .heads_divide_width = false,
     .max_position_embeddings = 131072,
     .bos_token_id = 1,
     .eos_token_id = 2,
     .qkv_bias = Bias::kNever,
     .o_bias = Bias::kNever,
     .mlp_bias = Bias::kNever,
     .windows = Windows::kEveryLayer,
     .qk_norm = false},
    {.model_type = "qwen2",
     .num_key_value_heads = 32,
     .head_dim = 0,
     .heads_divide_width = false,
     .max_position_embeddings = 32768,
     .bos_token_id = {},
     .eos_token_id = {},
     .qkv_bias = Bias::kAlways,
     .o_bias = Bias::kNever,
     .mlp_bias = Bias::kNever,
     .windows = Windows::kUpperLayers,
     .qk_norm = false},
    {.model_type = "qwen3",
     .num_key_value_heads = 32,
     .head_dim = 128,
     .heads_divide_width = false,
     .max_position_embeddings = 32768,
     .bos_token_id = {},
     .eos_token_id = {},
     .qkv_bias = Bias::kAsked,
     .o_bias = Bias::kAsked,
     .mlp_bias = Bias::kNever,
     .windows = Windows::kUpperLayers,
     .qk_norm = true},
};

// What other models are, by a part of their model_type.
struct Stranger {
    std::string_view part;
    std::string_view what;
};
constexpr Stranger kStrangers[] = {
    {"moe", "a mixture of experts"},
    {"mixtral", "a mixture of experts"},
    {"deepseek", "a mixture of experts with latent attention"},
    {"gpt_oss", "a mixture of experts"},
    {"gemma", "with scaled embeddings, norms around each half and another activation"},
    {"phi", "with fused projections"},
    {"olmo", "with norms behind attention and MLP"},
    {"_vl", "which sees images"},
};

}   // namespace

const Family& family_named(const JsonField& model_type) {
    const std::string name = model_type.text();
    for (const Family& family : kFamilies)
        if (family.model_type == name) return family;
    for (const Stranger& stranger : kStrangers)
        if (name.find(stranger.part) != std::string::npos)
            model_type.refuse("SCHEMA",
                              fmt::format("is {}, {}: this build does not compute it", in_quotes(name), stranger.what),
                              kOtherModel);
    model_type.refuse("SCHEMA", fmt::format("is {}, which this build does not compute", in_quotes(name)), kOtherModel);
}

}   // namespace llmft
