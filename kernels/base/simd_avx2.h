// The native part of F32x16 on x86-64-v3: two registers of eight lanes. Included by simd.h alone.
#pragma once

namespace llmft::cpu::LLMFT_ISA::part {

using F = __m256;
using I = __m256i;
struct M {
    __m256 bits;
};
constexpr int kLanes = 8;

LLMFT_SIMD F load(const float* p) {
    return _mm256_loadu_ps(p);
}
LLMFT_SIMD F load(const bf16* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
LLMFT_SIMD F load(const f16* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(p)));
}
LLMFT_SIMD F splat(float x) {
    return _mm256_set1_ps(x);
}
LLMFT_SIMD F add(F a, F b) {
    return _mm256_add_ps(a, b);
}
LLMFT_SIMD F sub(F a, F b) {
    return _mm256_sub_ps(a, b);
}
LLMFT_SIMD F mul(F a, F b) {
    return _mm256_mul_ps(a, b);
}
LLMFT_SIMD F div(F a, F b) {
    return _mm256_div_ps(a, b);
}
LLMFT_SIMD F fma(F a, F b, F c) {
    return _mm256_fmadd_ps(a, b, c);
}
LLMFT_SIMD F max(F a, F b) {
    return _mm256_max_ps(a, b);
}
LLMFT_SIMD F min(F a, F b) {
    return _mm256_min_ps(a, b);
}
LLMFT_SIMD F sqrt(F a) {
    return _mm256_sqrt_ps(a);
}

LLMFT_SIMD I as_int(F a) {
    return _mm256_castps_si256(a);
}
LLMFT_SIMD F as_float(I a) {
    return _mm256_castsi256_ps(a);
}
LLMFT_SIMD I splat_int(int32_t x) {
    return _mm256_set1_epi32(x);
}
LLMFT_SIMD I add(I a, I b) {
    return _mm256_add_epi32(a, b);
}
LLMFT_SIMD I sub(I a, I b) {
    return _mm256_sub_epi32(a, b);
}
LLMFT_SIMD I bit_and(I a, I b) {
    return _mm256_and_si256(a, b);
}
LLMFT_SIMD I bit_or(I a, I b) {
    return _mm256_or_si256(a, b);
}
template <int kBits>
LLMFT_SIMD I shift_left(I a) {
    return _mm256_slli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right(I a) {
    return _mm256_srli_epi32(a, kBits);
}
template <int kBits>
LLMFT_SIMD I shift_right_signed(I a) {
    return _mm256_srai_epi32(a, kBits);
}
LLMFT_SIMD I load_u16(const uint16_t* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(p)));
}
LLMFT_SIMD void store_u16(uint16_t* p, I a) {
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, a), 0b1000);
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(p), _mm256_castsi256_si128(packed));
}
LLMFT_SIMD M greater(I a, I b) {
    return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b))};
}
LLMFT_SIMD I select(M m, I a, I b) {
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m.bits));
}

LLMFT_SIMD M less(F a, F b) {
    return {_mm256_cmp_ps(a, b, _CMP_LT_OQ)};
}
LLMFT_SIMD M equal(F a, F b) {
    return {_mm256_cmp_ps(a, b, _CMP_EQ_OQ)};
}
LLMFT_SIMD M unordered(F a) {
    return {_mm256_cmp_ps(a, a, _CMP_UNORD_Q)};
}
LLMFT_SIMD F select(M m, F a, F b) {
    return _mm256_blendv_ps(b, a, m.bits);
}
LLMFT_SIMD bool any(M m) {
    return _mm256_movemask_ps(m.bits) != 0;
}

LLMFT_SIMD void store(float* p, F a) {
    _mm256_storeu_ps(p, a);
}
LLMFT_SIMD void store(f16* p, F a) {
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(p),
                     _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

template <class Op>
LLMFT_SIMD float fold(const F (&parts)[2], Op op) {
    const __m256 eight = op(parts[0], parts[1]);
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
