#include "model/config.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "engine/io/json_field.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

Json plain() {
    return {{"model_type", "llama"},  {"hidden_size", 48},        {"intermediate_size", 80},
            {"num_hidden_layers", 2}, {"num_attention_heads", 6}, {"num_key_value_heads", 2},
            {"vocab_size", 127},      {"rms_norm_eps", 1e-5},     {"tie_word_embeddings", true}};
}

ModelConfig parse(const Json& json) {
    return parse_model_config(json.dump(), "config.json");
}

ModelConfig with(const char* key, const Json& value) {
    Json json = plain();
    json[key] = value;
    return parse(json);
}

// "KIND" of what it throws and whether the text names file and key; "accepted" where nothing is thrown.
std::string refusal(const Json& json, const std::string& key) {
    try {
        parse(json);
    } catch (const UserError& e) {
        const bool named = std::string_view(e.what()).find("config.json: " + key) == 0;
        return named ? e.kind() : fmt::format("unnamed: {}", e.what());
    }
    return "accepted";
}

struct Bad {
    const char* key;
    Json value;
    const char* kind;
};

TEST_CASE("a config.json field that the maths cannot follow is refused with its name") {
    const int64_t huge = int64_t{1} << 40;
    const Json llama3 = {{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 1}, {"high_freq_factor", 4}};
    const auto rope = [&](const char* key, const Json& value) {
        Json changed = llama3;
        changed[key] = value;
        return changed;
    };
    const auto longrope = [&](const char* key, const Json& value) {
        Json changed = {{"type", "longrope"}, {"short_factor", {1, 1, 1, 1}}, {"long_factor", {1, 1, 1, 1}}};
        changed[key] = value;
        return changed;
    };
    const Bad cases[] = {
        {"hidden_size", 0, "RANGE"},
        {"hidden_size", -48, "RANGE"},
        {"hidden_size", huge, "RANGE"},
        {"hidden_size", 48.0, "SCHEMA"},
        {"hidden_size", "48", "SCHEMA"},
        {"hidden_size", nullptr, "RANGE"},
        {"intermediate_size", 0, "RANGE"},
        {"num_hidden_layers", huge, "RANGE"},
        {"vocab_size", -1, "RANGE"},
        {"num_attention_heads", 5, "RANGE"},
        {"num_key_value_heads", 4, "RANGE"},
        {"num_key_value_heads", 12, "RANGE"},
        {"head_dim", 7, "RANGE"},
        {"head_dim", 0, "RANGE"},
        {"max_position_embeddings", huge, "RANGE"},
        {"rms_norm_eps", -1e-5, "RANGE"},
        {"rms_norm_eps", "1e-5", "SCHEMA"},
        {"tie_word_embeddings", 1, "SCHEMA"},
        {"rope_theta", 0, "RANGE"},
        {"rope_theta", -10000.0, "RANGE"},
        {"model_type", "gpt2", "SCHEMA"},
        {"model_type", 3, "SCHEMA"},
        {"auto_map", {{"AutoModel", "code.Model"}}, "UNSAFE"},
        {"hidden_act", "gelu", "SCHEMA"},
        {"attention_bias", 1, "SCHEMA"},
        {"mlp_bias", "false", "SCHEMA"},
        {"attention_dropout", 0.1, "SCHEMA"},
        {"sliding_window", 4096, "SCHEMA"},
        {"num_local_experts", 8, "SCHEMA"},
        {"embedding_multiplier", 12.0, "SCHEMA"},
        {"quantization_config", {{"quant_method", "gptq"}}, "SCHEMA"},
        {"attn_logit_softcapping", 50.0, "SCHEMA"},
        {"final_logit_softcapping", 30.0, "SCHEMA"},
        {"partial_rotary_factor", 0.5, "SCHEMA"},
        {"layer_types", {"full_attention"}, "SCHEMA"},
        {"dtype", "int8", "DTYPE"},
        {"eos_token_id", 2.5, "SCHEMA"},
        {"rope_scaling", {{"rope_type", "ntk-by-parts"}, {"factor", 4}}, "RANGE"},
        {"rope_scaling", {{"type", "proportional"}, {"factor", 4}}, "RANGE"},
        {"rope_scaling", "llama3", "SCHEMA"},
        {"rope_scaling", {{"type", "linear"}}, "SCHEMA"},
        {"rope_scaling", {{"type", "linear"}, {"factor", 0}}, "RANGE"},
        {"rope_scaling", {{"type", "dynamic"}}, "SCHEMA"},
        {"rope_scaling", {{"type", "dynamic"}, {"factor", 0.5}}, "RANGE"},
        {"rope_scaling", {{"type", "yarn"}, {"factor", "4"}}, "SCHEMA"},
        {"rope_scaling", {{"type", "yarn"}, {"factor", 4}, {"rope_theta", 0.9}}, "RANGE"},
        {"rope_scaling", {{"type", "yarn"}, {"factor", 4}, {"beta_fast", -1}}, "RANGE"},
        {"rope_scaling", {{"type", "yarn"}, {"factor", 4}, {"truncate", 1}}, "SCHEMA"},
        {"rope_scaling", {{"type", "yarn"}, {"factor", 4}, {"attention_factor", 0}}, "RANGE"},
        {"rope_scaling", {{"type", "longrope"}, {"factor", 4}, {"long_factor", {1, 1, 1, 1}}}, "SCHEMA"},
        {"rope_scaling", longrope("long_factor", {1, 1, 1}), "SCHEMA"},
        {"rope_scaling", longrope("short_factor", {1, 1, 1, 0}), "RANGE"},
        {"rope_scaling", longrope("short_factor", 1), "SCHEMA"},
        {"rope_scaling", longrope("original_max_position_embeddings", 1), "RANGE"},
        {"rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}, "SCHEMA"},
        {"rope_parameters", {{"rope_type", "default"}, {"mrope_section", {1, 1, 2}}}, "SCHEMA"},
        {"rope_scaling", rope("factor", 0), "RANGE"},
        {"rope_scaling", rope("factor", "8"), "SCHEMA"},
        {"rope_scaling", rope("low_freq_factor", nullptr), "SCHEMA"},
        {"rope_scaling", rope("high_freq_factor", 1), "RANGE"},
        {"rope_scaling", rope("original_max_position_embeddings", 0), "RANGE"},
        {"rope_parameters", {{"rope_type", "longrope"}}, "SCHEMA"},
        {"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.25}}, "SCHEMA"},
    };
    for (const Bad& bad : cases) {
        Json json = plain();
        json[bad.key] = bad.value;
        CAPTURE(json.dump());
        CHECK(refusal(json, bad.key) == bad.kind);
    }
    Json sliding = plain();
    sliding["layer_types"] = {"full_attention", "sliding_attention"};
    CHECK(refusal(sliding, "layer_types[1]") == "SCHEMA");
    Json two = plain();   // D = 2 has no dynamic frequencies
    two.update({{"head_dim", 2}, {"rope_scaling", {{"type", "dynamic"}, {"factor", 2}}}});
    CHECK(refusal(two, "rope_scaling.type") == "RANGE");
}

TEST_CASE("a config.json without one of its sizes is refused, not filled up") {
    for (const char* key :
         {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"}) {
        CAPTURE(key);
        Json json = plain();
        json.erase(key);
        CHECK(refusal(json, key) == "RANGE");
    }
}

TEST_CASE("NaN and overflowing literals in config.json are out of range") {
    for (const char* literal : {"NaN", "Infinity", "-Infinity", "1e400"}) {
        CAPTURE(literal);
        const std::string text = fmt::format(R"({{"model_type": "llama", "rope_theta": {}}})", literal);
        CHECK_THROWS_WITH_AS(parse_model_config(text, "config.json"), doctest::Contains("rope_theta"), UserError);
    }
}

TEST_CASE("a missing key means LlamaConfig's default, null means none") {
    const ModelConfig c = parse(plain());
    CHECK(c.head_dim == 8);
    CHECK(c.max_position_embeddings == 2048);
    CHECK(c.rope.theta == 10000);
    CHECK(c.bos_token_id == 1);
    CHECK(c.eos_token_ids == std::vector<int64_t>{2});
    CHECK_FALSE(c.pad_token_id.has_value());
    CHECK_FALSE(c.dtype.has_value());
    CHECK(with("num_key_value_heads", nullptr).num_key_value_heads == 6);
    CHECK(with("head_dim", nullptr).head_dim == 8);
    CHECK(with("head_dim", 32).head_dim == 32);
    CHECK(with("bos_token_id", nullptr).bos_token_id == std::nullopt);
    CHECK(with("eos_token_id", nullptr).eos_token_ids.empty());
    CHECK(with("eos_token_id", {128001, 128008, 128009}).eos_token_ids.size() == 3);
    CHECK(with("pad_token_id", -1).pad_token_id == std::nullopt);
    CHECK(with("dtype", "bfloat16").dtype == DType::kBf16);
    CHECK(with("torch_dtype", "float16").dtype == DType::kF16);
    Json untied = plain();
    untied.erase("tie_word_embeddings");
    untied.erase("rms_norm_eps");
    CHECK_FALSE(parse(untied).tie_word_embeddings);
    CHECK(parse(untied).rms_norm_eps == 1e-6f);
}

TEST_CASE("keys that change nothing are ignored, and those nobody knows are kept") {
    Json json = plain();
    json.update({{"use_cache", true},
                 {"pretraining_tp", 2},
                 {"transformers_version", "5.0"},
                 {"sliding_window", nullptr},
                 {"partial_rotary_factor", 1.0},
                 {"zebra", 1},
                 {"apple", nullptr}});
    CHECK(parse(json).unknown_keys == std::vector<std::string>{"apple", "zebra"});
}

TEST_CASE("parameter counts are those of the tensors in the files") {
    // 2 layers of q 48·48, k and v 48·16, o 48·48, three of 48·80; embedding 127·48; five norms of 48.
    CHECK(linear_parameter_count(parse(plain())) == 2 * (2 * 48 * 48 + 2 * 48 * 16 + 3 * 48 * 80));
    CHECK(parameter_count(parse(plain())) == linear_parameter_count(parse(plain())) + 127 * 48 + 5 * 48);
    CHECK(parameter_count(with("tie_word_embeddings", false)) == parameter_count(parse(plain())) + 127 * 48);
    CHECK(parameter_count(with("attention_bias", true)) == parameter_count(parse(plain())) + 2 * (48 + 16 + 16 + 48));
    CHECK(parameter_count(with("mlp_bias", true)) == parameter_count(parse(plain())) + 2 * (80 + 80 + 48));
    Json qwen = plain();
    qwen.update({{"model_type", "qwen2"}, {"head_dim", nullptr}});
    CHECK(parameter_count(parse(qwen)) == parameter_count(parse(plain())) + 2 * (48 + 16 + 16));
    qwen.update({{"model_type", "qwen3"}, {"head_dim", 8}});   // and a norm of queries and one of keys
    CHECK(parameter_count(parse(qwen)) == parameter_count(parse(plain())) + 2 * (8 + 8));
}

TEST_CASE("the largest sizes that are accepted do not overflow the parameter count") {
    Json json = plain();
    json.update({{"hidden_size", 1 << 20},
                 {"intermediate_size", 1 << 22},
                 {"num_hidden_layers", 1 << 14},
                 {"num_attention_heads", 1 << 14},
                 {"num_key_value_heads", 1 << 14},
                 {"head_dim", 256},
                 {"vocab_size", 1 << 24}});
    const int64_t parameters = parameter_count(parse(json));
    CHECK(parameters > 0);
    CHECK(parameters <= INT64_MAX / 8);   // also as bytes of f64
    json["head_dim"] = 258;
    CHECK(refusal(json, "head_dim") == "RANGE");
}

}   // namespace
}   // namespace llmft
