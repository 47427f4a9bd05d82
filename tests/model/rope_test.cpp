// Frequencies of every kind against transformers' (tests/oracle/rope.py), in every spelling.
#include "model/rope.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/io/json.h"
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
        if (c.rope.kind == RopeKind::kDynamic && is_long) continue;   // made in the kernel: tests/kernels/rope_test.cpp
        const std::vector<float> got = rope_inv_freq(c.rope, c.head_dim);
        const size_t first = c.rope.kind == RopeKind::kLongRope && is_long ? got.size() / 2 : 0;
        REQUIRE(got.size() >= first + one.at("inv_freq").size());
        // As above; yarn's blend is a sum of two.
        check_frequencies(got.data() + first, one.at("inv_freq"), c.rope.kind == RopeKind::kYarn ? 4 : 2);
    }
}

}   // namespace
}   // namespace llmft
