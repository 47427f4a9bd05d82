// Host storage types for bf16 and IEEE half, with round-to-nearest-even conversions. Not arithmetic types: kernels widen to
// f32, compute, and round once on store. Bit patterns: bf16 is the upper half of an f32; f16 is IEEE 754 binary16.
#pragma once

#include <bit>
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

inline float to_f32(float x) { return x; }
inline float to_f32(bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }
float to_f32(f16 x);

inline bf16 to_bf16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((u >> 16) | 0x40u)};   // NaN stays NaN, made quiet
    return {static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}
f16 to_f16(float x);

}  // namespace llmft
