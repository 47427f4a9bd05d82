// The vectors of the CPU dialect: F32x16, sixteen f32 lanes, made of as many registers as the instruction set needs.
// Lanes, reduction trees and rounding are the same everywhere, so the same code gives the same bits on every
// instruction set: fma is fused (emulated exactly where there is no instruction), nothing else is contracted.
//
// Only for <op>_cpu.cpp, which is compiled once per instruction set inside namespace llmft::cpu::LLMFT_ISA. Everything
// here is inlined and uses no inline function of the standard library: the linker could keep the copy of a newer
// processor.
#pragma once

#include <cstdint>

#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

#include "kernels/base/half.h"

#if !defined(LLMFT_ISA)
#error "kernels/base/simd.h is for sources that are compiled once per instruction set"
#endif
#define LLMFT_SIMD [[gnu::always_inline]] inline
#define LLMFT_SIMD_LAMBDA __attribute__((always_inline))   // between a lambda's parameters and its body

#if defined(__AVX512F__)
#include "kernels/base/simd_avx512.h"
#elif defined(__AVX2__)
#include "kernels/base/simd_avx2.h"
#elif defined(__SSE4_1__)
#include "kernels/base/simd_sse4.h"
#else
#include "kernels/base/simd_generic.h"
#endif

namespace llmft::cpu::LLMFT_ISA {

constexpr int kLanes = 16;
constexpr int kParts = kLanes / part::kLanes;

struct F32x16 {
    part::F part[kParts];
};
struct Mask16 {
    part::M part[kParts];
};

// How many lanes a load or store touches: all of them, or the first `count`, 0 < count < 16. A partial load fills the
// rest with zeros, a partial store leaves memory beyond alone.
struct AllLanes {
    static constexpr int64_t count = kLanes;
};
struct SomeLanes {
    int64_t count;
};

// Calls body(at, lanes) for at = 0, 16, 32, … below n. The last call has SomeLanes where 16 does not divide n. Body is
// [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA { … }: g++ does not inline it unasked, as there are two of it.
template <class Body>
LLMFT_SIMD void for_lanes(int64_t n, Body&& body) {
    int64_t at = 0;
    for (; at + kLanes <= n; at += kLanes) body(at, AllLanes{});
    if (at < n) body(at, SomeLanes{n - at});
}

LLMFT_SIMD F32x16 splat(float x) {
    F32x16 r;
    for (int i = 0; i < kParts; ++i) r.part[i] = part::splat(x);
    return r;
}
LLMFT_SIMD F32x16 zero() {
    return splat(0.0f);
}

#define LLMFT_UNARY(name, call)                                       \
    LLMFT_SIMD F32x16 name(F32x16 a) {                                \
        for (int i = 0; i < kParts; ++i) a.part[i] = call(a.part[i]); \
        return a;                                                     \
    }
#define LLMFT_BINARY(name, call)                                                 \
    LLMFT_SIMD F32x16 name(F32x16 a, F32x16 b) {                                 \
        for (int i = 0; i < kParts; ++i) a.part[i] = call(a.part[i], b.part[i]); \
        return a;                                                                \
    }
#define LLMFT_COMPARE(name, call)                                                \
    LLMFT_SIMD Mask16 name(F32x16 a, F32x16 b) {                                 \
        Mask16 r;                                                                \
        for (int i = 0; i < kParts; ++i) r.part[i] = call(a.part[i], b.part[i]); \
        return r;                                                                \
    }
LLMFT_BINARY(operator+, part::add)
LLMFT_BINARY(operator-, part::sub)
LLMFT_BINARY(operator*, part::mul)
LLMFT_BINARY(operator/, part::div)
LLMFT_BINARY(max, part::max)   // b where either is NaN
LLMFT_BINARY(min, part::min)   // b where either is NaN
LLMFT_UNARY(sqrt, part::sqrt)
LLMFT_COMPARE(operator<, part::less)   // false where either is NaN
LLMFT_COMPARE(operator==, part::equal)
#undef LLMFT_UNARY
#undef LLMFT_BINARY
#undef LLMFT_COMPARE

// a·b + c with one rounding.
LLMFT_SIMD F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
    for (int i = 0; i < kParts; ++i) a.part[i] = part::fma(a.part[i], b.part[i], c.part[i]);
    return a;
}
LLMFT_SIMD F32x16 select(Mask16 m, F32x16 a, F32x16 b) {
    for (int i = 0; i < kParts; ++i) a.part[i] = part::select(m.part[i], a.part[i], b.part[i]);
    return a;
}
LLMFT_SIMD bool any(Mask16 m) {
    bool r = false;
    for (int i = 0; i < kParts; ++i) r |= part::any(m.part[i]);
    return r;
}

// Sum and maximum over the lanes: lane i with i + 8, then + 4, + 2, + 1. NaN lanes may be lost in the maximum.
LLMFT_SIMD float sum(F32x16 a) {
    return part::fold(a.part, part::Add{});
}
LLMFT_SIMD float max_of(F32x16 a) {
    return part::fold(a.part, part::Max{});
}

// Lanes of Σ over n columns, where body(chain, at, lanes) adds its columns to `chain`. Four chains run side by side so
// that one's additions need not wait for the other's: columns at, at + 64, … of a chain, then chains 0 + 2, 1 + 3, and
// both.
template <class Body>
LLMFT_SIMD F32x16 accumulate(int64_t n, Body&& body) {
    F32x16 chain[4] = {zero(), zero(), zero(), zero()};
    int64_t at = 0;
    for (; at + 4 * kLanes <= n; at += 4 * kLanes)
        for (int i = 0; i < 4; ++i) chain[i] = body(chain[i], at + i * kLanes, AllLanes{});
    for (; at + kLanes <= n; at += kLanes) chain[0] = body(chain[0], at, AllLanes{});
    if (at < n) chain[1] = body(chain[1], at, SomeLanes{n - at});
    return (chain[0] + chain[2]) + (chain[1] + chain[3]);
}

// Rounded to nearest even as bf16, in the low half of every lane; NaN stays NaN, made quiet.
LLMFT_SIMD part::I bf16_bits(part::F a) {
    const part::I u = part::as_int(a);
    const part::I upper = part::shift_right<16>(u);
    const part::I odd = part::bit_and(upper, part::splat_int(1));
    const part::I rounded = part::shift_right<16>(part::add(u, part::add(odd, part::splat_int(0x7fff))));
    return part::select(part::unordered(a), part::bit_or(upper, part::splat_int(0x40)), rounded);
}

template <class T>
LLMFT_SIMD F32x16 load(const T* p) {
    F32x16 r;
    for (int i = 0; i < kParts; ++i) r.part[i] = part::load(p + i * part::kLanes);
    return r;
}
LLMFT_SIMD void store(float* p, F32x16 a) {
    for (int i = 0; i < kParts; ++i) part::store(p + i * part::kLanes, a.part[i]);
}
LLMFT_SIMD void store(f16* p, F32x16 a) {
    for (int i = 0; i < kParts; ++i) part::store(p + i * part::kLanes, a.part[i]);
}
LLMFT_SIMD void store(bf16* p, F32x16 a) {
    for (int i = 0; i < kParts; ++i) part::store_u16(&p[i * part::kLanes].bits, bf16_bits(a.part[i]));
}

template <class T>
LLMFT_SIMD F32x16 load(const T* p, AllLanes) {
    return load(p);
}
template <class T>
LLMFT_SIMD F32x16 load(const T* p, SomeLanes lanes) {
    T all[kLanes] = {};
    for (int64_t i = 0; i < lanes.count; ++i) all[i] = p[i];
    return load(all);
}
template <class T>
LLMFT_SIMD void store(T* p, F32x16 a, AllLanes) {
    store(p, a);
}
template <class T>
LLMFT_SIMD void store(T* p, F32x16 a, SomeLanes lanes) {
    T all[kLanes];
    store(all, a);
    for (int64_t i = 0; i < lanes.count; ++i) p[i] = all[i];
}

// What a store to T and a load would make of it.
LLMFT_SIMD F32x16 rounded_to(const float*, F32x16 a) {
    return a;
}
LLMFT_SIMD F32x16 rounded_to(const bf16*, F32x16 a) {
    for (int i = 0; i < kParts; ++i) a.part[i] = part::as_float(part::shift_left<16>(bf16_bits(a.part[i])));
    return a;
}

// e^x to 1.25 ulp, exp(−inf) = 0, exp(NaN) = NaN, subnormal results included: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a
// minimax polynomial of (e^r − 1 − r)/r² (relative error of the whole 8e-9), and 2^n in two factors so that neither
// overflows.
LLMFT_SIMD F32x16 exp(F32x16 x) {
    x = min(splat(89.0f), max(splat(-105.0f), x));   // beyond these the result is inf or 0; NaN passes
    const F32x16 shifted = fma(x, splat(0x1.715476p+0f), splat(0x1.8p+23f));   // n in the low bits of the sum
    const F32x16 n = shifted - splat(0x1.8p+23f);
    const F32x16 r = fma(n, splat(0x1.05c610p-29f), fma(n, splat(-0x1.62e430p-1f), x));
    F32x16 q = fma(r, splat(0x1.6d110ap-10f), splat(0x1.120b6ep-7f));
    q = fma(r, q, splat(0x1.55551ap-5f));
    q = fma(r, q, splat(0x1.5554dcp-3f));
    q = fma(r, q, splat(0.5f));
    F32x16 y = fma(r * r, q, r) + splat(1.0f);
    for (int i = 0; i < kParts; ++i) {
        const part::I whole = part::sub(part::as_int(shifted.part[i]), part::splat_int(0x4b400000));
        const part::I half = part::shift_right_signed<1>(whole);
        const part::I bias = part::splat_int(127);
        const part::F first = part::as_float(part::shift_left<23>(part::add(half, bias)));
        const part::F second = part::as_float(part::shift_left<23>(part::add(part::sub(whole, half), bias)));
        y.part[i] = part::mul(part::mul(y.part[i], first), second);
    }
    return y;
}
LLMFT_SIMD float exp(float x) {
    float lanes[kLanes];
    store(lanes, exp(splat(x)));
    return lanes[0];
}

}   // namespace llmft::cpu::LLMFT_ISA
