// The natural logarithm of our own, in double: the library's differs between versions and processors.
#pragma once

#include <cstdint>

namespace llmft::cpu::LLMFT_ISA {

// ln x for positive normal x; NaN stays NaN. x = m·2^e with m in [√½, √2), ln m = 2·atanh((m − 1)/(m + 1)) as its power
// series: |t| ≤ 0.1716, so nine terms leave t^18/19 < 1e-15.
[[gnu::always_inline]] inline double ln(double x) {
    if (!(x == x)) return x;
    const auto bits = __builtin_bit_cast(uint64_t, x);
    constexpr uint64_t kRootHalf = 0x3fe6a09e667f3bcdu;
    const uint64_t shift = bits - kRootHalf;
    const auto exponent = static_cast<double>(static_cast<int64_t>(shift) >> 52);
    const double m = __builtin_bit_cast(double, (shift & 0xfffffffffffffu) + kRootHalf);
    const double t = (m - 1.0) / (m + 1.0);
    double series = 0.0;
    for (int n = 17; n >= 1; n -= 2) series = series * (t * t) + 1.0 / n;
    return exponent * 0x1.62e42fefa39efp-1 + 2.0 * t * series;
}

}   // namespace llmft::cpu::LLMFT_ISA
