// What each family means by a key that is absent, and which models are none of them.
#include "model/families.h"

#include <doctest/doctest.h>

#include "kernels/base/error.h"
#include "model/config.h"

namespace llmft {
namespace {

ModelConfig parse(const char* model_type, const Json& more = Json::object()) {
    Json json = {{"model_type", model_type}, {"hidden_size", 64},         {"intermediate_size", 80},
                 {"num_hidden_layers", 4},   {"num_attention_heads", 32}, {"vocab_size", 127}};
    json.update(more);
    return parse_model_config(json.dump(), "config.json");
}

std::vector<int64_t> windows(const ModelConfig& c) {
    std::vector<int64_t> result;
    for (int64_t layer = 0; layer < c.num_hidden_layers; ++layer) result.push_back(c.window(layer));
    return result;
}

using Windows = std::vector<int64_t>;
const Windows kNoWindows = {0, 0, 0, 0};

TEST_CASE("llama: no window, biases where they are asked for") {
    const ModelConfig c = parse("llama");
    CHECK(c.model_type == "llama");
    CHECK(c.num_key_value_heads == 32);
    CHECK(c.head_dim == 2);
    CHECK(c.max_position_embeddings == 2048);
    CHECK(c.rms_norm_eps == 1e-6f);
    CHECK(c.rope.theta == 10000);
    CHECK(c.bos_token_id == 1);
    CHECK(c.eos_token_ids == std::vector<int64_t>{2});
    CHECK_FALSE(c.tie_word_embeddings);
    CHECK_FALSE((c.qkv_bias || c.o_bias || c.mlp_bias || c.qk_norm));
    CHECK(windows(c) == kNoWindows);
    const ModelConfig attention = parse("llama", {{"attention_bias", true}});
    CHECK((attention.qkv_bias && attention.o_bias && !attention.mlp_bias));
    const ModelConfig mlp = parse("llama", {{"mlp_bias", true}});
    CHECK((!mlp.qkv_bias && !mlp.o_bias && mlp.mlp_bias));
    CHECK_THROWS_WITH_AS(parse("llama", {{"head_dim", 6}, {"hidden_size", 50}}),
                         doctest::Contains("num_attention_heads"), UserError);
    CHECK(windows(parse("llama", {{"sliding_window", 8}, {"use_sliding_window", false}})) == kNoWindows);
}

TEST_CASE("mistral: eight key/value heads, and a window of 4096 in every layer unless it is null") {
    const ModelConfig c = parse("mistral");
    CHECK(c.num_key_value_heads == 8);
    CHECK(c.head_dim == 2);
    CHECK(c.max_position_embeddings == 131072);
    CHECK(c.eos_token_ids == std::vector<int64_t>{2});
    CHECK_FALSE((c.qkv_bias || c.o_bias || c.mlp_bias || c.qk_norm));
    CHECK(windows(c) == Windows{4096, 4096, 4096, 4096});
    CHECK(windows(parse("mistral", {{"sliding_window", nullptr}})) == kNoWindows);
    CHECK(windows(parse("mistral", {{"sliding_window", 7}})) == Windows{7, 7, 7, 7});
    CHECK(parse("mistral", {{"num_key_value_heads", nullptr}}).num_key_value_heads == 32);
    CHECK(parse("mistral", {{"head_dim", 6}, {"hidden_size", 50}}).head_dim == 6);   // Nemo: not hidden / heads
    CHECK_THROWS_WITH_AS(parse("mistral", {{"attention_bias", true}}), doctest::Contains("attention_bias"), UserError);
    CHECK_THROWS_WITH_AS(parse("mistral", {{"mlp_bias", true}}), doctest::Contains("mlp_bias"), UserError);
    CHECK_THROWS_WITH_AS(parse("mistral", {{"sliding_window", 0}}), doctest::Contains("sliding_window"), UserError);
}

TEST_CASE("mistral's layer_types may only say what its window does: transformers does not read them there") {
    const std::string slides = "sliding_attention", full = "full_attention";
    CHECK(windows(parse("mistral", {{"layer_types", {slides, slides, slides, slides}}})) ==
          Windows{4096, 4096, 4096, 4096});
    CHECK(windows(parse("mistral", {{"sliding_window", nullptr}, {"layer_types", {full, full, full, full}}})) ==
          kNoWindows);
    CHECK_THROWS_WITH_AS(parse("mistral", {{"layer_types", {slides, slides, full, slides}}}),
                         doctest::Contains("layer_types[2]"), UserError);
}

TEST_CASE("qwen2: biases of q, k and v whatever the file says, and none other") {
    const ModelConfig c = parse("qwen2");
    CHECK(c.num_key_value_heads == 32);
    CHECK(c.head_dim == 2);
    CHECK(c.max_position_embeddings == 32768);
    CHECK_FALSE(c.bos_token_id.has_value());
    CHECK(c.eos_token_ids.empty());
    CHECK((c.qkv_bias && !c.o_bias && !c.mlp_bias && !c.qk_norm));
    CHECK(windows(c) == kNoWindows);
    CHECK((parse("qwen2", {{"attention_bias", false}}).qkv_bias && !parse("qwen2", {{"attention_bias", true}}).o_bias));
    CHECK_THROWS_WITH_AS(parse("qwen2", {{"mlp_bias", true}}), doctest::Contains("mlp_bias"), UserError);
    Json fewer = {{"num_attention_heads", 16}};   // 32 key/value heads do not divide 16
    CHECK_THROWS_WITH_AS(parse("qwen2", fewer), doctest::Contains("num_key_value_heads"), UserError);
}

TEST_CASE("qwen3: norms of queries and keys, heads of 128, biases where they are asked for") {
    const ModelConfig c = parse("qwen3");
    CHECK(c.head_dim == 128);
    CHECK(c.num_key_value_heads == 32);
    CHECK((c.qk_norm && !c.qkv_bias && !c.o_bias && !c.mlp_bias));
    CHECK(parse("qwen3", {{"head_dim", nullptr}}).head_dim == 128);
    const ModelConfig biased = parse("qwen3", {{"attention_bias", true}});
    CHECK((biased.qkv_bias && biased.o_bias && !biased.mlp_bias));
}

TEST_CASE("qwen's windows need use_sliding_window, start at max_window_layers, and yield to layer_types") {
    for (const char* type : {"qwen2", "qwen3"}) {
        CAPTURE(type);
        const auto of = [&](Json more) { return windows(parse(type, more)); };
        CHECK(of({{"sliding_window", 5}, {"max_window_layers", 1}}) == kNoWindows);
        CHECK(of({{"use_sliding_window", true}, {"sliding_window", 5}}) == kNoWindows);   // from layer 28 on
        CHECK(of({{"use_sliding_window", true}, {"sliding_window", 5}, {"max_window_layers", 1}}) ==
              Windows{0, 5, 5, 5});
        CHECK(of({{"use_sliding_window", true}, {"max_window_layers", 3}}) == Windows{0, 0, 0, 4096});
        CHECK(of({{"use_sliding_window", true}, {"sliding_window", nullptr}, {"max_window_layers", 0}}) == kNoWindows);
        const Json types = {"sliding_attention", "full_attention", "sliding_attention", "full_attention"};
        CHECK(of({{"use_sliding_window", true}, {"sliding_window", 5}, {"layer_types", types}}) == Windows{5, 0, 5, 0});
        CHECK_THROWS_WITH_AS(of({{"sliding_window", 5}, {"layer_types", types}}), doctest::Contains("layer_types[0]"),
                             UserError);
        CHECK_THROWS_WITH_AS(
            of({{"layer_types", {"chunked_attention", "full_attention", "full_attention", "full_attention"}}}),
            doctest::Contains("layer_types[0]"), UserError);
        CHECK_THROWS_WITH_AS(of({{"layer_types", {"full_attention"}}}), doctest::Contains("layer_types"), UserError);
    }
}

TEST_CASE("another family is refused with what it is and what to use instead") {
    struct Other {
        const char* type;
        const char* what;
    };
    for (const Other& other : {Other{"mixtral", "mixture of experts"}, Other{"qwen2_moe", "mixture of experts"},
                               Other{"phi3", "fused projections"}, Other{"gemma2", "activation"},
                               Other{"olmo2", "norms behind"}, Other{"qwen2_vl", "images"}, Other{"gpt2", "compute"}}) {
        CAPTURE(other.type);
        CHECK_THROWS_WITH_AS(parse(other.type), doctest::Contains(other.what), UserError);
        CHECK_THROWS_WITH_AS(parse(other.type), doctest::Contains("use a llama, mistral, qwen2 or qwen3 model"),
                             UserError);
    }
}

}   // namespace
}   // namespace llmft
