// Sixteen elements of a table of sixteen, picked by the nibbles of eight bytes, upper half first: for quant4_cpu.cpp.
// On x86 bytes are looked up, a plane of the table for each byte of an element, and the planes are woven together;
// AVX-512 has an instruction for whole floats.
#pragma once

#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {

constexpr int kTable = 16;

LLMFT_SIMD int nibble(const uint8_t* codes, int64_t at) {
    return at % 2 == 0 ? codes[at / 2] >> 4 : codes[at / 2] & 15;
}

#if defined(__SSE4_1__)

LLMFT_SIMD __m128i load16(const void* p) {
    return _mm_loadu_si128(static_cast<const __m128i_u*>(p));
}
LLMFT_SIMD void store16(void* p, __m128i a) {
    _mm_storeu_si128(static_cast<__m128i_u*>(p), a);
}
LLMFT_SIMD __m128i nibbles(const uint8_t* codes) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(codes)), low = _mm_set1_epi8(15);
    return _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(bytes, 4), low), _mm_and_si128(bytes, low));
}
// The bytes at even places of two registers, or those at odd ones.
LLMFT_SIMD __m128i even_bytes(__m128i a, __m128i b) {
    const __m128i low = _mm_set1_epi16(255);
    return _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low));
}
LLMFT_SIMD __m128i odd_bytes(__m128i a, __m128i b) {
    return _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8));
}

template <class T>
struct Lookup;

template <>
struct Lookup<uint16_t> {
    __m128i low, high;

    LLMFT_SIMD explicit Lookup(const uint16_t* table) {
        const __m128i first = load16(table), second = load16(table + 8);
        low = even_bytes(first, second);
        high = odd_bytes(first, second);
    }
    LLMFT_SIMD void sixteen(const uint8_t* codes, uint16_t* y) const {
        const __m128i at = nibbles(codes);
        const __m128i l = _mm_shuffle_epi8(low, at), h = _mm_shuffle_epi8(high, at);
        store16(y, _mm_unpacklo_epi8(l, h));
        store16(y + 8, _mm_unpackhi_epi8(l, h));
    }
};

template <>
struct Lookup<uint32_t> {
#if defined(__AVX512F__)
    __m512i all;

    LLMFT_SIMD explicit Lookup(const uint32_t* table) : all(_mm512_loadu_si512(table)) {}
    LLMFT_SIMD void sixteen(const uint8_t* codes, uint32_t* y) const {
        _mm512_storeu_si512(y, _mm512_permutexvar_epi32(_mm512_cvtepu8_epi32(nibbles(codes)), all));
    }
#else
    __m128i plane[4];

    LLMFT_SIMD explicit Lookup(const uint32_t* table) {
        const __m128i a = load16(table), b = load16(table + 4), c = load16(table + 8), d = load16(table + 12);
        const __m128i even = even_bytes(a, b), even2 = even_bytes(c, d);
        const __m128i odd = odd_bytes(a, b), odd2 = odd_bytes(c, d);
        plane[0] = even_bytes(even, even2);
        plane[1] = even_bytes(odd, odd2);
        plane[2] = odd_bytes(even, even2);
        plane[3] = odd_bytes(odd, odd2);
    }
    LLMFT_SIMD void sixteen(const uint8_t* codes, uint32_t* y) const {
        const __m128i at = nibbles(codes);
        const __m128i a = _mm_shuffle_epi8(plane[0], at), b = _mm_shuffle_epi8(plane[1], at);
        const __m128i c = _mm_shuffle_epi8(plane[2], at), d = _mm_shuffle_epi8(plane[3], at);
        const __m128i ab = _mm_unpacklo_epi8(a, b), ab2 = _mm_unpackhi_epi8(a, b);
        const __m128i cd = _mm_unpacklo_epi8(c, d), cd2 = _mm_unpackhi_epi8(c, d);
        store16(y, _mm_unpacklo_epi16(ab, cd));
        store16(y + 4, _mm_unpackhi_epi16(ab, cd));
        store16(y + 8, _mm_unpacklo_epi16(ab2, cd2));
        store16(y + 12, _mm_unpackhi_epi16(ab2, cd2));
    }
#endif
};

#else

template <class T>
struct Lookup {
    const T* table;

    explicit Lookup(const T* t) : table(t) {}
    LLMFT_SIMD void sixteen(const uint8_t* codes, T* y) const {
        for (int i = 0; i < kTable; ++i) y[i] = table[nibble(codes, i)];
    }
};

#endif

}   // namespace llmft::cpu::LLMFT_ISA
