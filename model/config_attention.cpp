// Heads, biases and windows in config.json.
#include <algorithm>

#include "model/config_fields.h"

namespace llmft {
namespace {

constexpr int64_t kMaxHeads = int64_t{1} << 14;
constexpr int64_t kMaxHeadDim = 256;   // of the attention kernels

// layer_types in place of the family's rule. Mistral's has none to choose: there it must say what the rule does.
void read_layer_types(const JsonField& types, const Family& family, ModelConfig& c) {
    const auto items = types.items();
    if (static_cast<int64_t>(items.size()) != c.num_hidden_layers)
        types.refuse("SCHEMA",
                     fmt::format("has {} entries, wanted one for each of {} layers", items.size(), c.num_hidden_layers),
                     kRepair);
    for (size_t layer = 0; layer < items.size(); ++layer) {
        const std::string type = items[layer].text();
        const bool slides = type == "sliding_attention";
        const bool fixed = family.windows != Family::Windows::kUpperLayers;
        if ((!slides && type != "full_attention") || (slides && c.sliding_window == 0) ||
            (fixed && slides != c.windowed[layer]))
            refuse_unbuilt(items[layer]);
        c.windowed[layer] = slides;
    }
}

}   // namespace

void read_heads(Fields& fields, const JsonField& whole, const Family& family, ModelConfig& c) {
    c.num_attention_heads = required(fields, whole, "num_attention_heads", kMaxHeads);
    const bool as_many = whole.json().contains("num_key_value_heads") || family.num_key_value_heads == 0;   // if null
    c.num_key_value_heads = integer_or(fields, "num_key_value_heads",
                                       as_many ? c.num_attention_heads : family.num_key_value_heads, kMaxHeads);
    const auto refuse = [&](const char* key, const std::string& what) {
        JsonField(whole.json(), whole.file(), key).refuse("RANGE", what, kRepair);
    };
    c.head_dim = integer_or(fields, "head_dim", family.head_dim, kMaxHeadDim);
    if ((c.head_dim == 0 || family.heads_divide_width) && c.hidden_size % c.num_attention_heads != 0)
        refuse("num_attention_heads",
               fmt::format("is {}, which does not divide hidden_size {}", c.num_attention_heads, c.hidden_size));
    if (c.head_dim == 0) c.head_dim = c.hidden_size / c.num_attention_heads;
    if (c.head_dim > kMaxHeadDim) refuse("head_dim", fmt::format("is {}, wanted 1 to {}", c.head_dim, kMaxHeadDim));
    if (c.num_attention_heads % c.num_key_value_heads != 0)
        refuse("num_key_value_heads", fmt::format("is {}, which does not divide num_attention_heads {}",
                                                  c.num_key_value_heads, c.num_attention_heads));
    if (c.head_dim % 2 != 0) refuse("head_dim", fmt::format("is {}, wanted an even number", c.head_dim));
    if (c.num_attention_heads * c.head_dim > kMaxMlpWidth)
        refuse("head_dim",
               fmt::format("is {}: {} heads are wider than {}", c.head_dim, c.num_attention_heads, kMaxMlpWidth));
}

// The family's own rule, or what the file asks for. A family that never has the bias refuses to be asked, unless other
// projections of the key have theirs anyway: transformers ignores the key there.
void read_biases(Fields& fields, const Family& family, ModelConfig& c) {
    using Bias = Family::Bias;
    const auto attention = fields.find("attention_bias"), mlp = fields.find("mlp_bias");
    const bool attention_asked = attention && attention->flag(), mlp_asked = mlp && mlp->flag();
    if (attention_asked && family.qkv_bias == Bias::kNever) refuse_unbuilt(*attention);
    if (mlp_asked && family.mlp_bias == Bias::kNever) refuse_unbuilt(*mlp);
    const auto has = [](Bias bias, bool asked) { return bias == Bias::kAlways || (bias == Bias::kAsked && asked); };
    c.qkv_bias = has(family.qkv_bias, attention_asked);
    c.o_bias = has(family.o_bias, attention_asked);
    c.mlp_bias = has(family.mlp_bias, mlp_asked);
}

void read_windows(Fields& fields, const JsonField& whole, const Family& family, ModelConfig& c) {
    using Windows = Family::Windows;
    const auto window = fields.find("sliding_window"), switched = fields.find("use_sliding_window");
    const bool off = switched && !switched->flag();
    if (family.windows == Windows::kNever && window && !off) refuse_unbuilt(*window);
    const bool on =
        family.windows == Windows::kEveryLayer || (family.windows == Windows::kUpperLayers && switched && !off);
    if (on && window) c.sliding_window = window->integer(1, kMaxPositions);
    if (on && !whole.json().contains("sliding_window")) c.sliding_window = Family::kSlidingWindow;
    int64_t first = 0;   // layer with a window
    if (const auto below = fields.find("max_window_layers"); family.windows == Windows::kUpperLayers)
        first = below ? below->integer(0, kMaxLayers) : Family::kMaxWindowLayers;
    for (int64_t layer = 0; layer < c.num_hidden_layers; ++layer)
        c.windowed.push_back(c.sliding_window > 0 && layer >= first);
    if (const auto types = fields.find("layer_types")) read_layer_types(*types, family, c);
    if (std::find(c.windowed.begin(), c.windowed.end(), true) != c.windowed.end()) return;
    c.sliding_window = 0;
    c.windowed.clear();
}

}   // namespace llmft
