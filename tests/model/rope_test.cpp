// Frequencies of every kind against transformers' (tests/oracle/rope.py), in every spelling.
#include "model/rope.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/io/json.h"
#include "kernels/rope/rope.h"
#include "model/config.h"
#include "tests/harness/paths.h"

namespace llmft {
namespace {

Json golden(const char* name) {
    return parse_json_file(test::source_dir() / "tests/golden" / name, {});
}

ModelConfig config_of(const Json& one) {
    return parse_model_config(one.at("config").dump(), "config.json");
}

void check_frequencies(const float* got, const Json& want, double ulps) {
    for (size_t i = 0; i < want.size(); ++i) {
        const auto value = want[i].get<double>();
        CHECK(std::abs(got[i] - value) <= ulps * 0x1p-23 * value);
    }
}

TEST_CASE("inverse frequencies are those of transformers in every spelling of rope") {
    for (const Json& one : golden("rope_inv_freq.json")) {
        CAPTURE(one.at("config").dump());
        const ModelConfig c = config_of(one);
        const std::vector<float> got = rope_inv_freq(c.rope, c.head_dim);
        REQUIRE(got.size() == one.at("inv_freq").size());
        // Ours takes theta^x correctly rounded, torch's vector pow is within an ulp; the reciprocal and, for llama3,
        // the blend can double that.
        check_frequencies(got.data(), one.at("inv_freq"), 2);
    }
}

TEST_CASE("inverse frequencies and attention scaling are transformers' for linear, yarn and longrope") {
    for (const Json& one : golden("rope_scaled.json")) {
        CAPTURE(one.dump());
        const ModelConfig c = config_of(one);
        const auto want_scaling = one.at("attention_scaling").get<double>();
        CHECK(std::abs(c.rope.attention_scaling - want_scaling) <= 1e-14 * want_scaling);   // doubles in both
        const bool is_long = one.at("length").get<int64_t>() > c.rope.original_max_positions;
        if (c.rope.kind == RopeKind::kDynamic && is_long) continue;   // made in the kernel: see below
        const std::vector<float> got = rope_inv_freq(c.rope, c.head_dim);
        const size_t first = c.rope.kind == RopeKind::kLongRope && is_long ? got.size() / 2 : 0;
        REQUIRE(got.size() >= first + one.at("inv_freq").size());
        // As above; yarn's blend is a sum of two.
        check_frequencies(got.data() + first, one.at("inv_freq"), c.rope.kind == RopeKind::kYarn ? 4 : 2);
    }
}

TEST_CASE("frequencies of long documents under dynamic are transformers'") {
    int checked = 0;
    for (const Json& one : golden("rope_scaled.json")) {
        const ModelConfig c = config_of(one);
        if (c.rope.kind != RopeKind::kDynamic) continue;
        CAPTURE(one.dump());
        ++checked;
        std::vector<float> inv_freq = rope_inv_freq(c.rope, c.head_dim), sine(inv_freq.size()), cosine(inv_freq.size());
        const auto half = static_cast<int64_t>(inv_freq.size());
        const auto view = [&](std::vector<float>& x) { return View{x.data(), DType::kF32, half}; };
        const int32_t position = 1, cu_q[] = {0, 1}, cu_k[] = {0, one.at("length").get<int32_t>()};
        cpu::rope_table({.positions = &position,
                         .inv_freq = view(inv_freq),
                         .cos = view(cosine),
                         .sin = view(sine),
                         .cu_q = cu_q,
                         .cu_k = cu_k,
                         .tokens = 1,
                         .half = half,
                         .scaling = 1,
                         .lengths = {.rule = RopeLengths::Rule::kDynamic,
                                     .original = c.rope.original_max_positions,
                                     .theta = static_cast<float>(c.rope.theta),
                                     .factor = static_cast<float>(c.rope.factor)}});
        for (size_t i = 0; i < sine.size(); ++i) {
            const double got = std::asin(double{sine[i]}), want = one.at("inv_freq")[i].get<double>();
            // θ' has two roundings in f32 and two powers, each within an ulp of torch's; so has the result. At position
            // 1 the angle is the frequency; asin(sin 1) amplifies an ulp 1.6 times.
            CHECK(std::abs(got - want) <= 6 * 0x1p-23 * want);
        }
    }
    CHECK(checked >= 6);
}

}   // namespace
}   // namespace llmft
