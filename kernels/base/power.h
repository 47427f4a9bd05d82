// x^y in double, of our own: the library's differs between versions and processors.
#pragma once

#include <cstdint>

#include "kernels/base/ln.h"

namespace llmft::cpu::LLMFT_ISA {

// e^x for |x| ≤ 700, to some 1e-15: x = n·ln 2 + r with |r| ≤ ln 2 / 2, the Taylor sum of e^r to r^13, whose rest is
// below 5e-18, and 2^n.
[[gnu::always_inline]] inline double exp_of(double x) {
    constexpr double kShift = 0x1.8p52;   // n in the low bits of the sum
    const double shifted = x * 0x1.71547652b82fep+0 + kShift;
    const double n = shifted - kShift;
    const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;   // ln 2 in two parts
    double sum = 1.0;
    for (int i = 13; i >= 1; --i) sum = 1.0 + sum * r / i;
    const uint64_t whole = __builtin_bit_cast(uint64_t, shifted) - __builtin_bit_cast(uint64_t, kShift);
    return sum * __builtin_bit_cast(double, (whole + 1023) << 52);
}

// x^y for positive normal x, |y·ln x| ≤ 700; NaN stays NaN.
[[gnu::always_inline]] inline double power(double x, double y) {
    return exp_of(y * ln(x));
}

}   // namespace llmft::cpu::LLMFT_ISA
