#include "model/sampling.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "tests/harness/compare.h"
#include "tests/harness/random.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const std::vector<float> kLogits = {1.0f, 3.0f, -2.0f, 0.5f, 3.0f, 2.0f, -1.0f};

std::vector<double> softmax(const std::vector<double>& scores) {   // −inf: 0
    double total = 0;
    for (const double s : scores) total += std::exp(s);
    std::vector<double> p;
    for (const double s : scores) p.push_back(std::exp(s) / total);
    return p;
}

void check_same(const std::vector<double>& got, const std::vector<double>& want) {
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i)
        check_close("probability", got[i], want[i],
                    {.rel = 1e-12, .abs = 1e-15, .why = "a dozen roundings of double; f32 logits are exact in it"});
}

constexpr double kNever = -std::numeric_limits<double>::infinity();

}   // namespace

TEST_CASE("temperature divides the logits") {
    std::vector<double> scores;
    for (const float x : kLogits) scores.push_back(x / 0.7);
    check_same(token_probabilities(kLogits, {}, {.temperature = 0.7}), softmax(scores));
}

TEST_CASE("greedy takes the first of the largest logits") {
    CHECK(next_token(kLogits, {}, {0, 0}, {}) == 1);
    CHECK(next_token(kLogits, {}, {5, 9}, {.seed = 3}) == 1);
}

TEST_CASE("top-k keeps the k likeliest, and all that are as likely as the last of them") {
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_k = 3}),
               softmax({kNever, 3, kNever, kNever, 3, 2, kNever}));
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_k = 1}),
               softmax({kNever, 3, kNever, kNever, 3, kNever, kNever}));
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_k = 99}),
               token_probabilities(kLogits, {}, {.temperature = 1}));
}

TEST_CASE("top-p drops the least likely as long as they sum to at most 1 - p, and keeps one") {
    // Probabilities are about 0.049 0.364 0.002 0.030 0.364 0.134 0.007 (in order); ascending sums 0.002 0.009 0.039
    // 0.088 0.222: at p = 0.9 those four go, at p = 0.95 three do.
    const std::vector<double> p = token_probabilities(kLogits, {}, {.temperature = 1});
    CHECK(p[2] + p[6] + p[3] < 0.05);
    CHECK(p[2] + p[6] + p[3] + p[0] > 0.05);
    CHECK(p[2] + p[6] + p[3] + p[0] < 0.1);
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_p = 0.95}),
               softmax({1, 3, kNever, kNever, 3, 2, kNever}));
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_p = 0.9}),
               softmax({kNever, 3, kNever, kNever, 3, 2, kNever}));
    // transformers sorts ascending and keeps the last of equal ones.
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_p = 1e-9}),
               softmax({kNever, kNever, kNever, kNever, 3, kNever, kNever}));
    // Of what top-k left, not of all.
    check_same(token_probabilities(kLogits, {}, {.temperature = 1, .top_p = 0.8, .top_k = 3}),
               softmax({kNever, 3, kNever, kNever, 3, kNever, kNever}));
}

TEST_CASE(
    "repetition penalty divides positive and multiplies negative logits, once for each token seen, before the rest") {
    const std::vector<int32_t> seen = {1, 2, 1, 1};
    check_same(token_probabilities(kLogits, seen, {.temperature = 0.5, .repetition_penalty = 2}),
               softmax({2, 3, -8, 1, 6, 4, -2}));
    CHECK(next_token(kLogits, seen, {0, 0}, {.repetition_penalty = 1.25}) == 4);
}

TEST_CASE("draws follow the probabilities, and depend on seed, text and position alone") {
    const SamplingOptions options = {.temperature = 1.3, .top_p = 0.98, .seed = 7};
    const std::vector<double> p = token_probabilities(kLogits, {}, options);
    constexpr uint32_t kDraws = 40000;
    std::vector<double> counts(kLogits.size());
    for (uint32_t i = 0; i < kDraws; ++i)
        ++counts[static_cast<size_t>(next_token(kLogits, {}, {.text = i % 40, .position = i / 40}, options))];
    double chi = 0;
    for (size_t id = 0; id < p.size(); ++id) {
        if (p[id] == 0) {
            CHECK(counts[id] == 0);
            continue;
        }
        chi += (counts[id] - kDraws * p[id]) * (counts[id] - kDraws * p[id]) / (kDraws * p[id]);
    }
    // χ² with at most 6 degrees of freedom passes 27.9 once in ten thousand; the seed is fixed.
    CHECK(chi < 27.9);
    CHECK(chi > 0);
    const auto text = [&](uint32_t seed, uint32_t number) {
        std::vector<int32_t> ids;
        for (uint32_t i = 0; i < 50; ++i)
            ids.push_back(next_token(kLogits, {}, {.text = number, .position = i}, {.temperature = 1.3, .seed = seed}));
        return ids;
    };
    CHECK(text(1, 0) == text(1, 0));
    CHECK(text(1, 0) != text(2, 0));
    CHECK(text(1, 0) != text(1, 1));
}

TEST_CASE("logits that are not numbers stop generation with a word") {
    std::vector<float> nan = kLogits;
    nan[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(next_token(nan, {}, {0, 0}, {}), NumericalError);
    const std::vector<float> none(7, -std::numeric_limits<float>::infinity());
    CHECK_THROWS_AS(next_token(none, {}, {0, 0}, {.temperature = 1}), NumericalError);
}

TEST_CASE("logits that are all 0 are no model's") {
    CHECK_THROWS_AS(next_token({0, 0, 0}, {}, {0, 0}, {}), NumericalError);
    CHECK(next_token({0, 0, 1e-30f}, {}, {0, 0}, {}) == 2);
}
