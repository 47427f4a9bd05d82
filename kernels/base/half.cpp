#include "kernels/base/half.h"

#include <bit>

namespace llmft {
namespace {
constexpr uint32_t kF32Infinity = 0x7f800000u;
constexpr uint32_t kF16Infinity = 0x7c00u;
constexpr uint32_t kF16Quiet = 0x0200u;
constexpr uint32_t kExponentShift = (127u - 15u) << 23;   // difference of the two biases, in f32's place
}   // namespace

float to_f32(f16 x) {
    const uint32_t sign = (x.bits & 0x8000u) << 16;
    const uint32_t rest = x.bits & 0x7fffu;
    if (rest < 0x0400u) {   // zero and subnormals: a count of 2^-24
        const float magnitude = static_cast<float>(rest) * 0x1p-24f;
        return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
    }
    if (rest > kF16Infinity) return std::bit_cast<float>(sign | kF32Infinity | ((rest | kF16Quiet) & 0x3ffu) << 13);
    if (rest == kF16Infinity) return std::bit_cast<float>(sign | kF32Infinity);
    return std::bit_cast<float>(sign | ((rest << 13) + kExponentShift));
}

f16 to_f16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    const uint32_t sign = (u >> 16) & 0x8000u;
    const uint32_t rest = u & 0x7fffffffu;
    uint32_t bits;
    if (rest > kF32Infinity) {
        bits = kF16Infinity | kF16Quiet | ((rest >> 13) & 0x3ffu);
    } else if (rest >= 0x477ff000u) {   // from 65520 on, half way beyond the largest f16
        bits = kF16Infinity;
    } else if (rest < 0x38800000u) {   // below 2^-14: f32's own addition rounds to multiples of 2^-24
        const float rounded = std::bit_cast<float>(rest) + 0.5f;
        bits = std::bit_cast<uint32_t>(rounded) - std::bit_cast<uint32_t>(0.5f);
    } else {
        bits = (rest - kExponentShift + 0xfffu + ((rest >> 13) & 1u)) >> 13;
    }
    return {static_cast<uint16_t>(sign | bits)};
}

}   // namespace llmft
