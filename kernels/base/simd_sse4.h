// The native part of F32x16 on x86-64-v2: four registers of four lanes. Included by simd.h alone.
#pragma once

namespace llmft::cpu::LLMFT_ISA::part {

using F = __m128;
using I = __m128i;
struct M {
    __m128 bits;
};
constexpr int kLanes = 4;

LLMFT_SIMD F load(const float* p) {
    return _mm_loadu_ps(p);
}
LLMFT_SIMD F load(const bf16* p) {
    const __m128i bits = _mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(p));
    return _mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(bits), 16));
}
LLMFT_SIMD F load(const f16* p) {
    return _mm_setr_ps(to_f32(p[0]), to_f32(p[1]), to_f32(p[2]), to_f32(p[3]));
}
LLMFT_SIMD F splat(float x) {
    return _mm_set1_ps(x);
}
LLMFT_SIMD F add(F a, F b) {
    return _mm_add_ps(a, b);
}
LLMFT_SIMD F sub(F a, F b) {
    return _mm_sub_ps(a, b);
}
LLMFT_SIMD F mul(F a, F b) {
    return _mm_mul_ps(a, b);
}
LLMFT_SIMD F div(F a, F b) {
    return _mm_div_ps(a, b);
}
LLMFT_SIMD F max(F a, F b) {
    return _mm_max_ps(a, b);
}
LLMFT_SIMD F min(F a, F b) {
    return _mm_min_ps(a, b);
}
LLMFT_SIMD F sqrt(F a) {
    return _mm_sqrt_ps(a);
}

// x·y + z for two lanes with the rounding of a fused operation. In double the product is exact and the sum is rounded
// to odd (Boldo & Melquiond 2008), so that the one rounding to f32 that follows is right.
LLMFT_SIMD __m128 fma_two(__m128d x, __m128d y, __m128d z) {
    const __m128d product = _mm_mul_pd(x, y);
    const __m128d sum = _mm_add_pd(product, z);
    const __m128d shadow = _mm_sub_pd(sum, product);
    const __m128d error = _mm_add_pd(_mm_sub_pd(product, _mm_sub_pd(sum, shadow)), _mm_sub_pd(z, shadow));
    const __m128d zero = _mm_setzero_pd();
    const __m128d inexact = _mm_or_pd(_mm_cmplt_pd(error, zero), _mm_cmpgt_pd(error, zero));   // false for inf and NaN
    const __m128i bits = _mm_castpd_si128(sum);
    const __m128i one = _mm_set1_epi64x(1);
    const __m128i even = _mm_sub_epi64(_mm_and_si128(bits, one), one);
    const __m128i signs = _mm_castpd_si128(_mm_xor_pd(sum, error));
    const __m128i toward_zero = _mm_srai_epi32(_mm_shuffle_epi32(signs, _MM_SHUFFLE(3, 3, 1, 1)), 31);
    const __m128i step = _mm_and_si128(_mm_or_si128(toward_zero, one), _mm_and_si128(even, _mm_castpd_si128(inexact)));
    return _mm_cvtpd_ps(_mm_castsi128_pd(_mm_add_epi64(bits, step)));
}
// A call, not inlined: some fifty instructions.
[[gnu::noinline]] inline F fma(F a, F b, F c) {
    const F low = fma_two(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c));
    const F high = fma_two(_mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)),
                           _mm_cvtps_pd(_mm_movehl_ps(c, c)));
    return _mm_movelh_ps(low, high);
}

LLMFT_SIMD I as_int(F a) {
    return _mm_castps_si128(a);
}
LLMFT_SIMD F as_float(I a) {
    return _mm_castsi128_ps(a);
}
LLMFT_SIMD I splat_int(int32_t x) {
    return _mm_set1_epi32(x);
}
LLMFT_SIMD I add(I a, I b) {
    return _mm_add_epi32(a, b);
}
LLMFT_SIMD I sub(I a, I b) {
    return _mm_sub_epi32(a, b);
}
LLMFT_SIMD I bit_and(I a, I b) {
    return _mm_and_si128(a, b);
}
LLMFT_SIMD I bit_or(I a, I b) {
    return _mm_or_si128(a, b);
}
template <int kBits>
LLMFT_SIMD I shift_left(I a) {
    return _mm_slli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right(I a) {
    return _mm_srli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right_signed(I a) {
    return _mm_srai_epi32(a, kBits);
}
LLMFT_SIMD I load_u16(const uint16_t* p) {
    return _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(p)));
}
LLMFT_SIMD void store_u16(uint16_t* p, I a) {
    _mm_storel_epi64(reinterpret_cast<__m128i_u*>(p), _mm_packus_epi32(a, a));
}
LLMFT_SIMD M greater(I a, I b) {
    return {_mm_castsi128_ps(_mm_cmpgt_epi32(a, b))};
}
LLMFT_SIMD I select(M m, I a, I b) {
    return _mm_blendv_epi8(b, a, _mm_castps_si128(m.bits));
}

LLMFT_SIMD M less(F a, F b) {
    return {_mm_cmplt_ps(a, b)};
}
LLMFT_SIMD M equal(F a, F b) {
    return {_mm_cmpeq_ps(a, b)};
}
LLMFT_SIMD M unordered(F a) {
    return {_mm_cmpunord_ps(a, a)};
}
LLMFT_SIMD F select(M m, F a, F b) {
    return _mm_blendv_ps(b, a, m.bits);
}
LLMFT_SIMD bool any(M m) {
    return _mm_movemask_ps(m.bits) != 0;
}

LLMFT_SIMD void store(float* p, F a) {
    _mm_storeu_ps(p, a);
}
LLMFT_SIMD void store(f16* p, F a) {
    float lanes[4];
    _mm_storeu_ps(lanes, a);
    for (int i = 0; i < 4; ++i) p[i] = to_f16(lanes[i]);
}

template <class Op>
LLMFT_SIMD float fold(const F (&parts)[4], Op op) {
    const __m128 four = op(op(parts[0], parts[2]), op(parts[1], parts[3]));
    const __m128 two = op(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(op(two, _mm_movehdup_ps(two)));
}
struct Add {
    LLMFT_SIMD __m128 operator()(__m128 a, __m128 b) const { return _mm_add_ps(a, b); }
};
struct Max {
    LLMFT_SIMD __m128 operator()(__m128 a, __m128 b) const { return _mm_max_ps(a, b); }
};

}   // namespace llmft::cpu::LLMFT_ISA::part
