// GGUF files as models: the same logits as the folder that they were made of, and every number of the configuration.
#include <doctest/doctest.h>

#include <cmath>

#include "model/gguf.h"
#include "tests/engine/refusal.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/gguf_of_folder.h"
#include "tests/model/golden.h"
#include "tools/open_model.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::vector<float> logits_of(const Path& model, const GoldenExample& example) {
    Lora none({.r = 1, .alpha = 1, .dropout = 0, .target_modules = "q_proj"}, 0);
    const auto session = open_session(model, none, {.gemm = GemmEngine::kPortable});
    Run run = session->run();
    return session->model().logits(session->slots().upload(flat_batch({&example, 1}, 0), run),
                                   static_cast<int64_t>(example.ids.size()), run);
}

Json config_of(const std::string& bytes) {
    const TempFolder folder;
    const auto model = open_model(folder.write("x.gguf", bytes).string());
    read_model_config(*model);   // it is one that this build computes
    return model->json("config.json", JsonLimits{});
}

// A Llama of the smallest shape, to be extended.
GgufBytes tiny_llama() {
    const Json config = {{"model_type", "llama"},    {"max_position_embeddings", 64},
                         {"hidden_size", 32},        {"num_hidden_layers", 1},
                         {"intermediate_size", 24},  {"num_attention_heads", 2},
                         {"num_key_value_heads", 1}, {"vocab_size", 5},
                         {"rms_norm_eps", 1e-5},     {"rope_theta", 500000.0}};
    GgufBytes gguf = gguf_values(config);
    gguf.tensor("token_embd.weight", {32, 5}, kTypeF16, std::string(320, '\0'));
    return gguf;
}

Refusal refusal_of_config(const GgufBytes& gguf) {
    const TempFolder folder;
    const Path path = folder.write("x.gguf", gguf.file());
    return refusal_of([&] { gguf_config(Gguf::open(path)); });
}

// Divisors of the frequencies as the converter makes them of Llama 3's parameters.
std::string divisors(int64_t pairs, double theta, double factor, double original) {
    std::vector<float> result;
    for (int64_t i = 0; i < pairs; ++i) {
        const auto frequency =
            static_cast<float>(1 / std::pow(theta, static_cast<double>(i) / static_cast<double>(pairs)));
        const double wavelength = 2 * M_PI / frequency, smooth = (original / wavelength - 1) / 3;
        result.push_back(static_cast<float>(wavelength < original / 4 ? 1
                                            : wavelength > original   ? factor
                                                                      : 1 / ((1 - smooth) / factor + smooth)));
    }
    return plain_bytes(result);
}

}   // namespace

TEST_CASE("a GGUF file has the logits of the folder it was made of, bit for bit") {
    for (const char* name : {"tiny-gqa", "tiny-sharded-bf16", "tiny-llama-bias", "tiny-mistral", "tiny-qwen2",
                             "tiny-qwen3", "tiny-rope-linear", "tiny-rope-yarn"}) {
        CAPTURE(std::string(name));
        const Golden golden = read_golden(name);
        const TempFolder folder;
        const Path gguf = folder.write("x.gguf", gguf_of_folder(golden.folder).file());
        for (const GoldenExample& example : golden.examples)
            CHECK(logits_of(gguf, example) == logits_of(golden.folder, example));
    }
}

TEST_CASE("a GGUF file of the Python package gives tiny-llama3's logits, its scaling from the divisors") {
    const Golden golden = read_golden("tiny-llama3");
    const Path gguf = golden.folder.parent_path() / "gguf-llama3/model.gguf";
    for (const GoldenExample& example : golden.examples)
        CHECK(logits_of(gguf, example) == logits_of(golden.folder, example));
}

TEST_CASE("a GGUF file of ten types gives the logits that transformers has of its decoded weights") {
    const Golden golden = read_golden("gguf-mixed");
    const Safetensors want = golden.tensors();
    for (size_t i = 0; i < golden.examples.size(); ++i) {
        const std::vector<float> got = logits_of(*golden.model_folder(), golden.examples[i]);
        const SafeTensor* tensor = want.find("logits." + std::to_string(i));
        REQUIRE(tensor != nullptr);
        REQUIRE(got.size() * sizeof(float) == tensor->bytes.size());
        const auto* w = reinterpret_cast<const float*>(tensor->bytes.data());
        double worst = 0, scale = 0;
        for (size_t k = 0; k < got.size(); ++k) {
            REQUIRE(std::isfinite(got[k]));
            worst = std::max<double>(worst, std::abs(got[k] - w[k]));
            scale = std::max<double>(scale, std::abs(w[k]));
        }
        CHECK(scale > 0.1);
        CHECK(worst <= 1e-5 * scale);   // f32 through two blocks: tests/model/gradient_test.cpp
    }
}

TEST_CASE("config.json from metadata has every number of the model, rounded as it was written") {
    GgufBytes gguf = tiny_llama();
    gguf.value("tokenizer.ggml.model", gguf_text("llama"))
        .value("tokenizer.ggml.eos_token_id", gguf_u32(4))
        .value("tokenizer.ggml.padding_token_id", gguf_u32(3));
    CHECK(config_of(gguf.file()) == Json{{"architectures", {"LlamaForCausalLM"}},
                                         {"attention_bias", false},
                                         {"attention_dropout", 0.0},
                                         {"bos_token_id", 1},
                                         {"eos_token_id", 4},
                                         {"head_dim", 16},
                                         {"hidden_act", "silu"},
                                         {"hidden_size", 32},
                                         {"initializer_range", 0.02},
                                         {"intermediate_size", 24},
                                         {"max_position_embeddings", 64},
                                         {"mlp_bias", false},
                                         {"model_type", "llama"},
                                         {"num_attention_heads", 2},
                                         {"num_hidden_layers", 1},
                                         {"num_key_value_heads", 1},
                                         {"pad_token_id", 3},
                                         {"rms_norm_eps", 1e-5},
                                         {"rope_scaling", nullptr},
                                         {"rope_theta", 500000.0},
                                         {"tie_word_embeddings", true},
                                         {"torch_dtype", "float16"},
                                         {"use_cache", true},
                                         {"vocab_size", 5}});
    gguf.tensor("output.weight", {32, 5}, kTypeQ8_0, std::string(170, '\0'));
    CHECK(config_of(gguf.file()).at("tie_word_embeddings") == false);
    CHECK(config_of(gguf.file()).at("torch_dtype").is_null());   // of blocks: not known
}

TEST_CASE("the texts that a model ends with are those that the metadata name") {
    GgufBytes gguf = tiny_llama();
    gguf.value("tokenizer.ggml.eos_token_id", gguf_u32(4))
        .value("tokenizer.ggml.eot_token_id", gguf_u32(2))
        .value("tokenizer.ggml.eom_token_id", gguf_u32(4))
        .value("tokenizer.ggml.bos_token_id", gguf_u32(0));
    const TempFolder folder;
    const Gguf file = Gguf::open(folder.write("x.gguf", gguf.file()));
    CHECK(Json::parse(gguf_generation_config(file)) == Json{{"bos_token_id", 0}, {"eos_token_id", {4, 2}}});
}

TEST_CASE("Llama 3's parameters are found again in the divisors of its frequencies, and no others") {
    const struct { double factor, original; } cases[] = {{8, 8192}, {32, 8192}, {4, 64}, {1.5, 32768}};
    for (const auto& c : cases) {
        GgufBytes gguf = tiny_llama();
        gguf.value("llama.attention.key_length", gguf_u32(128))
            .tensor("rope_freqs.weight", {64}, kTypeF32, divisors(64, 500000, c.factor, c.original));
        CHECK(config_of(gguf.file()).at("rope_scaling") == Json{{"rope_type", "llama3"},
                                                                {"factor", c.factor},
                                                                {"low_freq_factor", 1.0},
                                                                {"high_freq_factor", 4.0},
                                                                {"original_max_position_embeddings", c.original}});
    }
    GgufBytes plain = tiny_llama();
    plain.tensor("rope_freqs.weight", {8}, kTypeF32, plain_bytes(std::vector<float>(8, 1)));
    CHECK(config_of(plain.file()).at("rope_scaling").is_null());
    GgufBytes other = tiny_llama();
    other.tensor("rope_freqs.weight", {8}, kTypeF32, plain_bytes<float>({1, 1, 1, 2, 3, 4, 5, 6}));
    CHECK(refusal_of_config(other).kind == "SCHEMA");
    CHECK(refusal_of_config(other).names("rope_freqs.weight"));
    GgufBytes narrow = tiny_llama();
    narrow.tensor("rope_freqs.weight", {7}, kTypeF32, plain_bytes(std::vector<float>(7, 1)));
    CHECK(refusal_of_config(narrow).names("8 f32 numbers"));
}

TEST_CASE("metadata that change the mathematics and have no place in config.json are refused by their keys") {
    const struct {
        std::string key, value, kind = "SCHEMA";
    } cases[] = {
        {"general.type", gguf_text("adapter")},
        {"split.count", gguf_kind(GgufKind::kU16) + little(uint16_t{2})},
        {"llama.expert_count", gguf_u32(8)},
        {"llama.attention.scale", gguf_f32(0.5f)},
        {"llama.attention.clamp_kqv", gguf_f32(8)},
        {"llama.attention.causal", gguf_bool(0)},
        {"llama.logit_scale", gguf_f32(0.5f)},
        {"llama.final_logit_softcapping", gguf_f32(30)},
        {"llama.use_parallel_residual", gguf_bool(1)},
        {"llama.rope.dimension_sections", gguf_array(GgufKind::kU32, 1, little(uint32_t{4}))},
        {"llama.attention.sliding_window_pattern", gguf_u32(6)},
        {"llama.rope.dimension_count", gguf_u32(8)},
        {"llama.attention.value_length", gguf_u32(8)},
        {"llama.rope.scaling.type", gguf_text("longrope")},
        {"llama.rope.scaling.yarn_attn_factor", gguf_f32(0.7f)},
        {"llama.rope.scaling.yarn_log_multiplier", gguf_f32(0.1f)},
        {"llama.attention.key_length", gguf_text("x")},
        {"tokenizer.ggml.eos_token_id", gguf_text("x")},
        {"llama.attention.key_length", gguf_kind(GgufKind::kI32) + little(-8), "RANGE"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.key);
        GgufBytes gguf = tiny_llama();
        gguf.value(c.key, c.value);
        const Refusal refusal = refusal_of_config(gguf);
        CHECK(refusal.kind == c.kind);
        CHECK(refusal.names(c.key));
        CHECK(is_one_line(refusal.text));
    }
    GgufBytes neutral = tiny_llama();
    neutral.value("general.type", gguf_text("model"))
        .value("llama.expert_count", gguf_u32(0))
        .value("llama.attention.causal", gguf_bool(1))
        .value("llama.rope.scaling.type", gguf_text("none"));
    CHECK(refusal_of_config(neutral).kind == "");
}

TEST_CASE("another architecture, a missing shape and a missing embedding are refused") {
    GgufBytes other;
    other.value("general.architecture", gguf_text("gemma2"));
    CHECK(refusal_of_config(other).names("gemma2"));
    CHECK(refusal_of_config(GgufBytes().value("x", gguf_u32(1))).names("general.architecture"));
    GgufBytes bare;
    bare.value("general.architecture", gguf_text("llama"));
    CHECK(refusal_of_config(bare).names("llama.attention.head_count"));
    const Json config = {{"model_type", "llama"},    {"max_position_embeddings", 64},
                         {"hidden_size", 32},        {"num_hidden_layers", 1},
                         {"intermediate_size", 24},  {"num_attention_heads", 2},
                         {"num_key_value_heads", 1}, {"vocab_size", 5},
                         {"rms_norm_eps", 1e-5}};
    const Refusal no_embedding = refusal_of_config(gguf_values(config));
    CHECK(no_embedding.kind == "MISSING");
    CHECK(no_embedding.names("token_embd.weight"));
}

TEST_CASE("a tensor that is no weight of the architecture is EXTRA, a weight that is not there MISSING") {
    const TempFolder folder;
    for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.0.attn_q.scale", "blk.-1.attn_q.weight", "model.norm",
                             "blk..attn_q.weight", "blk.0attn_q.weight", "blk.99999999999999999999.attn_q.weight"}) {
        CAPTURE(std::string(name));
        GgufBytes gguf = tiny_llama();
        gguf.tensor(name, {8}, kTypeF32, std::string(32, '\0'));
        const Gguf file = Gguf::open(folder.write("x.gguf", gguf.file()));
        const Refusal refusal = refusal_of([&] { gguf_placements(file); });
        CHECK(refusal.kind == "EXTRA");
        CHECK(refusal.names(name));
    }
    const Path path = folder.write("x.gguf", tiny_llama().file());
    Lora none({.r = 1, .alpha = 1, .dropout = 0, .target_modules = "q_proj"}, 0);
    const Refusal refusal = refusal_of([&] { open_session(path, none, {}); });
    CHECK(refusal.kind == "MISSING");
    CHECK(refusal.names("x.gguf"));
}
