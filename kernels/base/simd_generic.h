// The native part of F32x16 where no intrinsics are written: four of the compilers' own 16-byte vectors. Included by
// simd.h alone.
#pragma once

namespace llmft::cpu::LLMFT_ISA::part {

typedef float F __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));
struct M {
    I bits;
};
constexpr int kLanes = 4;

LLMFT_SIMD F splat(float x) {
    return F{x, x, x, x};
}
template <class T>
LLMFT_SIMD F load(const T* p) {
    return F{to_f32(p[0]), to_f32(p[1]), to_f32(p[2]), to_f32(p[3])};
}
LLMFT_SIMD F add(F a, F b) {
    return a + b;
}
LLMFT_SIMD F sub(F a, F b) {
    return a - b;
}
LLMFT_SIMD F mul(F a, F b) {
    return a * b;
}
LLMFT_SIMD F div(F a, F b) {
    return a / b;
}
LLMFT_SIMD F fma(F a, F b, F c) {
    return F{__builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]), __builtin_fmaf(a[2], b[2], c[2]),
             __builtin_fmaf(a[3], b[3], c[3])};
}
LLMFT_SIMD F max(F a, F b) {
    return a > b ? a : b;
}
LLMFT_SIMD F min(F a, F b) {
    return a < b ? a : b;
}
LLMFT_SIMD F sqrt(F a) {
    return F{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}

LLMFT_SIMD I as_int(F a) {
    return reinterpret_cast<I>(a);
}
LLMFT_SIMD F as_float(I a) {
    return reinterpret_cast<F>(a);
}
LLMFT_SIMD I splat_int(int32_t x) {
    return I{x, x, x, x};
}
typedef uint32_t U __attribute__((vector_size(16)));
LLMFT_SIMD I add(I a, I b) {
    return reinterpret_cast<I>(reinterpret_cast<U>(a) + reinterpret_cast<U>(b));
}
LLMFT_SIMD I sub(I a, I b) {
    return reinterpret_cast<I>(reinterpret_cast<U>(a) - reinterpret_cast<U>(b));
}
LLMFT_SIMD I bit_and(I a, I b) {
    return a & b;
}
LLMFT_SIMD I bit_or(I a, I b) {
    return a | b;
}
template <int kBits>
LLMFT_SIMD I shift_left(I a) {
    return reinterpret_cast<I>(reinterpret_cast<U>(a) << kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right(I a) {
    return reinterpret_cast<I>(reinterpret_cast<U>(a) >> kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right_signed(I a) {
    return a >> kBits;
}
LLMFT_SIMD I load_u16(const uint16_t* p) {
    return I{p[0], p[1], p[2], p[3]};
}
LLMFT_SIMD void store_u16(uint16_t* p, I a) {
    for (int i = 0; i < kLanes; ++i) p[i] = static_cast<uint16_t>(a[i]);
}
LLMFT_SIMD M greater(I a, I b) {
    return {a > b};
}
LLMFT_SIMD I select(M m, I a, I b) {
    return (m.bits & a) | (~m.bits & b);
}

LLMFT_SIMD M less(F a, F b) {
    return {a < b};
}
LLMFT_SIMD M equal(F a, F b) {
    return {a == b};
}
LLMFT_SIMD M unordered(F a) {
    return {a != a};
}
LLMFT_SIMD F select(M m, F a, F b) {
    return as_float(select(m, as_int(a), as_int(b)));
}
LLMFT_SIMD bool any(M m) {
    return (m.bits[0] | m.bits[1] | m.bits[2] | m.bits[3]) != 0;
}

LLMFT_SIMD void store(float* p, F a) {
    __builtin_memcpy(p, &a, sizeof(F));
}
LLMFT_SIMD void store(f16* p, F a) {
    for (int i = 0; i < kLanes; ++i) p[i] = to_f16(a[i]);
}

template <class Op>
LLMFT_SIMD float fold(const F (&parts)[4], Op op) {
    const F four = op(op(parts[0], parts[2]), op(parts[1], parts[3]));
    const F two = op(four, F{four[2], four[3], four[2], four[3]});
    return op(two, F{two[1], two[1], two[3], two[3]})[0];
}
struct Add {
    LLMFT_SIMD F operator()(F a, F b) const { return a + b; }
};
struct Max {
    LLMFT_SIMD F operator()(F a, F b) const { return a > b ? a : b; }
};

}   // namespace llmft::cpu::LLMFT_ISA::part
