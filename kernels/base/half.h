// Host storage types for bf16 and IEEE half, with round-to-nearest-even conversions. Not arithmetic types: kernels
// widen to f32, compute, and round once on store. Bit patterns: bf16 is the upper half of an f32; f16 is IEEE 754
// binary16.
#pragma once

#include <cstdint>

namespace llmft {

struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

constexpr float kBf16Eps = 0x1p-7f;   // distance from 1 to the next bf16: 7 explicit mantissa bits
constexpr float kF16Eps = 0x1p-10f;

// Always inlined, without std::bit_cast: sources that are compiled once per instruction set use them
// (kernels/base/isa.h).
[[gnu::always_inline]] inline float to_f32(float x) {
    return x;
}
[[gnu::always_inline]] inline float to_f32(bf16 x) {
    return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16);
}
float to_f32(f16 x);

[[gnu::always_inline]] inline bf16 to_bf16(float x) {
    const auto u = __builtin_bit_cast(uint32_t, x);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return {static_cast<uint16_t>((u >> 16) | 0x40u)};   // NaN stays NaN, made quiet
    return {static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}
f16 to_f16(float x);

}   // namespace llmft
