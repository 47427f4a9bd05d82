#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/power.h"
#include "kernels/base/simd.h"
#include "kernels/rope/rope.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

struct SinCos {
    double sin;
    double cos;
};

// Our own, so that the bits are nobody's libm's. x = n·π/2 + r with |r| ≤ π/4; π/2 is taken as 33 bits, whose product
// with n is exact up to n = 2^20 (x ≤ 1.6e6), and 53 more: 1e-15 of the smallest |r| of an f32 x there, 4e-9. Taylor
// sums to r^13 and r^14, whose rests are below 3e-14.
LLMFT_SIMD SinCos sin_cos(double x) {
    constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
    constexpr double kShift = 0x1.8p52;   // n in the low bits of the sum
    constexpr double kPart1 = 0x1.921fb544p+0;
    constexpr double kPart2 = 0x1.0b4611a626331p-34;
    const double shifted = x * kTwoOverPi + kShift;
    const double n = shifted - kShift;
    const auto quarter = __builtin_bit_cast(uint64_t, shifted);
    const double r = (x - n * kPart1) - n * kPart2;
    const double r2 = r * r;
    double s = 1.0 / 6227020800.0;
    s = s * r2 - 1.0 / 39916800.0;
    s = s * r2 + 1.0 / 362880.0;
    s = s * r2 - 1.0 / 5040.0;
    s = s * r2 + 1.0 / 120.0;
    s = s * r2 - 1.0 / 6.0;
    s = r + r * (r2 * s);
    double c = -1.0 / 87178291200.0;
    c = c * r2 + 1.0 / 479001600.0;
    c = c * r2 - 1.0 / 3628800.0;
    c = c * r2 + 1.0 / 40320.0;
    c = c * r2 - 1.0 / 720.0;
    c = c * r2 + 1.0 / 24.0;
    c = c * r2 - 1.0 / 2.0;
    c = 1.0 + r2 * c;
    const bool swap = (quarter & 1) != 0;
    const double sine = swap ? c : s;
    const double cosine = swap ? s : c;
    return {(quarter & 2) != 0 ? -sine : sine, ((quarter + 1) & 2) != 0 ? -cosine : cosine};
}

LLMFT_SIMD void put(float* p, float x) {
    *p = x;
}
LLMFT_SIMD void put(bf16* p, float x) {
    *p = to_bf16(x);
}

// The frequencies of documents of `length` tokens; a row of inv_freq, or made in `room`.
const float* frequencies(const RopeTable& a, int64_t length, float* room) {
    using Rule = RopeLengths::Rule;
    const RopeLengths& by = a.lengths;
    if (by.rule == Rule::kNone || length <= by.original) return a.inv_freq.row<const float>(0);
    if (by.rule == Rule::kTwoSets) return a.inv_freq.row<const float>(1);
    const auto dim = static_cast<float>(2 * a.half);
    const float stretch = by.factor * static_cast<float>(length) / static_cast<float>(by.original) - (by.factor - 1.0f);
    const float theta = by.theta * static_cast<float>(power(stretch, static_cast<float>(double{dim} / (dim - 2.0))));
    for (int64_t i = 0; i < a.half; ++i)
        room[i] = 1.0f / static_cast<float>(power(theta, static_cast<float>(2 * i) / dim));
    return room;
}

template <class T>
void rows(const RopeTable& a, int64_t first, int64_t last, const float* inv_freq) {
    for (int64_t t = first; t < last; ++t) {
        T* const cos = a.cos.row<T>(t);
        T* const sin = a.sin.row<T>(t);
        for (int64_t i = 0; i < a.half; ++i) {
            const float angle = static_cast<float>(a.positions[t]) * inv_freq[i];
            const SinCos at = sin_cos(angle);
            put(cos + i, static_cast<float>(at.cos) * a.scaling);
            put(sin + i, static_cast<float>(at.sin) * a.scaling);
        }
    }
}

template <class T>
void table(const RopeTable& a) {
    parallel_rows(a.tokens, rows_per_task(16 * a.half), [&](int64_t first, int64_t last) {   // 16: an angle is dear
        if (a.lengths.rule == RopeLengths::Rule::kNone) return rows<T>(a, first, last, a.inv_freq.row<const float>(0));
        float room[kMaxRopeHalf];
        int64_t document = 0;
        for (int64_t t = first; t < last;) {
            while (a.cu_q[document + 1] <= t) ++document;
            const int64_t end = a.cu_q[document + 1] < last ? a.cu_q[document + 1] : last;
            rows<T>(a, t, end, frequencies(a, a.cu_k[document + 1] - a.cu_k[document], room));
            t = end;
        }
    });
}

template <class T>
void apply(const RopeApply& a) {
    const F32x16 sign = splat(a.direction == RopeDirection::kForward ? 1.0f : -1.0f);
    const F32x16 opposite = splat(a.direction == RopeDirection::kForward ? -1.0f : 1.0f);
    parallel_rows(a.tokens, rows_per_task(2 * a.heads * a.half), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            const T* const cos = a.cos.row<const T>(t);
            const T* const sin = a.sin.row<const T>(t);
            for (int64_t head = 0; head < a.heads; ++head) {
                T* const low = a.x.row<T>(t) + 2 * head * a.half;
                T* const high = low + a.half;
                for_lanes(a.half, [&](int64_t i, auto lanes) LLMFT_SIMD_LAMBDA {
                    const F32x16 c = load(cos + i, lanes);
                    const F32x16 s = load(sin + i, lanes);
                    const F32x16 x = load(low + i, lanes);
                    const F32x16 y = load(high + i, lanes);
                    store(low + i, fma(x, c, y * (s * opposite)), lanes);
                    store(high + i, fma(y, c, x * (s * sign)), lanes);
                });
            }
        }
    });
}

}   // namespace

void rope_table(const RopeTable& a) {
    with_element(a.cos.dtype, [&](auto type) { table<typename decltype(type)::Type>(a); });
}

void rope_apply(const RopeApply& a) {
    with_element(a.x.dtype, [&](auto type) { apply<typename decltype(type)::Type>(a); });
}

}   // namespace llmft::cpu::LLMFT_ISA
