// The native part of F32x16 on x86-64-v4: one register holds all sixteen lanes. Included by simd.h alone.
#pragma once

namespace llmft::cpu::LLMFT_ISA::part {

using F = __m512;
using I = __m512i;
using M = __mmask16;
constexpr int kLanes = 16;

LLMFT_SIMD F load(const float* p) {
    return _mm512_loadu_ps(p);
}
LLMFT_SIMD F load(const bf16* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
LLMFT_SIMD F load(const f16* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(p)));
}
LLMFT_SIMD F splat(float x) {
    return _mm512_set1_ps(x);
}
LLMFT_SIMD F add(F a, F b) {
    return _mm512_add_ps(a, b);
}
LLMFT_SIMD F sub(F a, F b) {
    return _mm512_sub_ps(a, b);
}
LLMFT_SIMD F mul(F a, F b) {
    return _mm512_mul_ps(a, b);
}
LLMFT_SIMD F div(F a, F b) {
    return _mm512_div_ps(a, b);
}
LLMFT_SIMD F fma(F a, F b, F c) {
    return _mm512_fmadd_ps(a, b, c);
}
LLMFT_SIMD F max(F a, F b) {
    return _mm512_max_ps(a, b);
}
LLMFT_SIMD F min(F a, F b) {
    return _mm512_min_ps(a, b);
}
LLMFT_SIMD F sqrt(F a) {
    return _mm512_sqrt_ps(a);
}

LLMFT_SIMD I as_int(F a) {
    return _mm512_castps_si512(a);
}
LLMFT_SIMD F as_float(I a) {
    return _mm512_castsi512_ps(a);
}
LLMFT_SIMD I splat_int(int32_t x) {
    return _mm512_set1_epi32(x);
}
LLMFT_SIMD I add(I a, I b) {
    return _mm512_add_epi32(a, b);
}
LLMFT_SIMD I sub(I a, I b) {
    return _mm512_sub_epi32(a, b);
}
LLMFT_SIMD I bit_and(I a, I b) {
    return _mm512_and_si512(a, b);
}
LLMFT_SIMD I bit_or(I a, I b) {
    return _mm512_or_si512(a, b);
}
template <int kBits>
LLMFT_SIMD I shift_left(I a) {
    return _mm512_slli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right(I a) {
    return _mm512_srli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right_signed(I a) {
    return _mm512_srai_epi32(a, kBits);
}
LLMFT_SIMD I load_u16(const uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(p)));
}
LLMFT_SIMD void store_u16(uint16_t* p, I a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(p), _mm512_cvtepi32_epi16(a));
}
LLMFT_SIMD M greater(I a, I b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}
LLMFT_SIMD I select(M m, I a, I b) {
    return _mm512_mask_mov_epi32(b, m, a);
}

LLMFT_SIMD M less(F a, F b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
LLMFT_SIMD M equal(F a, F b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
LLMFT_SIMD M unordered(F a) {
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
LLMFT_SIMD F select(M m, F a, F b) {
    return _mm512_mask_mov_ps(b, m, a);
}
LLMFT_SIMD bool any(M m) {
    return m != 0;
}

LLMFT_SIMD void store(float* p, F a) {
    _mm512_storeu_ps(p, a);
}
LLMFT_SIMD void store(f16* p, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(p),
                        _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

template <class Op>
LLMFT_SIMD float fold(const F (&parts)[1], Op op) {
    const __m256 eight = op(_mm512_castps512_ps256(parts[0]), _mm512_extractf32x8_ps(parts[0], 1));
    const __m128 four = op(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = op(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(op(two, _mm_movehdup_ps(two)));
}
struct Add {
    LLMFT_SIMD __m256 operator()(__m256 a, __m256 b) const { return _mm256_add_ps(a, b); }
    LLMFT_SIMD __m128 operator()(__m128 a, __m128 b) const { return _mm_add_ps(a, b); }
};
struct Max {
    LLMFT_SIMD __m256 operator()(__m256 a, __m256 b) const { return _mm256_max_ps(a, b); }
    LLMFT_SIMD __m128 operator()(__m128 a, __m128 b) const { return _mm_max_ps(a, b); }
};

}   // namespace llmft::cpu::LLMFT_ISA::part
