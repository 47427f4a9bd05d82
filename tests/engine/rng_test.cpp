#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/rng.h"

using namespace llmft;

TEST_CASE("initial numbers depend on seed, purpose and index alone, and differ where one of them does") {
    const HostRandom a(42, purpose_of("a.lora_A.weight"));
    CHECK(a.uniform(7) == HostRandom(42, purpose_of("a.lora_A.weight")).uniform(7));
    CHECK(a.uniform(7) != a.uniform(8));
    CHECK(a.uniform(7) != HostRandom(43, purpose_of("a.lora_A.weight")).uniform(7));
    CHECK(a.uniform(7) != HostRandom(42, purpose_of("b.lora_A.weight")).uniform(7));
}

TEST_CASE("initial numbers are uniform in [0, 1)") {
    const HostRandom random(1, 2);
    constexpr int kCount = 100000;
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < kCount; ++i) {
        const double x = random.uniform(i);
        REQUIRE(x >= 0);
        REQUIRE(x < 1);
        sum += x;
        squares += x * x;
    }
    // Standard errors: √(1/12)/√n of the mean, √(4/45)/√n of the mean square; five of them.
    CHECK(std::abs(sum / kCount - 0.5) <= 5 * std::sqrt(1.0 / 12 / kCount));
    CHECK(std::abs(squares / kCount - 1.0 / 3) <= 5 * std::sqrt(4.0 / 45 / kCount));
}
