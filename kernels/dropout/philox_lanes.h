// philox4x32_10 (kernels/base/philox.h) of several counters at once, for dropout_cpu.cpp. Words live in 64-bit lanes,
// whose upper halves may hold anything: a 32 × 32 → 64 bit product looks at the lower ones alone.
#pragma once

#include "kernels/base/philox.h"
#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {

typedef uint64_t Words __attribute__((vector_size(sizeof(part::F))));
constexpr int kCounters = sizeof(Words) / sizeof(uint64_t);

#if defined(__AVX512F__)
// Counter of each lane, such that store_bits writes them in order.
constexpr Words kCounterOfLane = {0, 4, 1, 5, 2, 6, 3, 7};
LLMFT_SIMD Words multiply(Words a, Words b) {
    return reinterpret_cast<Words>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
}
LLMFT_SIMD void store_pairs(uint16_t* p, Words a, Words b) {
    _mm512_storeu_si512(p, _mm512_unpacklo_epi64(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
    _mm512_storeu_si512(p + 32, _mm512_unpackhi_epi64(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
}
#elif defined(__AVX2__)
constexpr Words kCounterOfLane = {0, 2, 1, 3};
LLMFT_SIMD Words multiply(Words a, Words b) {
    return reinterpret_cast<Words>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
LLMFT_SIMD void store_pairs(uint16_t* p, Words a, Words b) {
    const __m256i low = _mm256_unpacklo_epi64(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
    const __m256i high = _mm256_unpackhi_epi64(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(p), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(p + 16), high);
}
#else
constexpr Words kCounterOfLane = {0, 1};
LLMFT_SIMD Words multiply(Words a, Words b) {
#if defined(__SSE4_1__)
    return reinterpret_cast<Words>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}
LLMFT_SIMD void store_pairs(uint16_t* p, Words a, Words b) {
    const uint64_t pairs[4] = {a[0], b[0], a[1], b[1]};
    __builtin_memcpy(p, pairs, sizeof pairs);
}
#endif

LLMFT_SIMD Words all_lanes(uint64_t x) {
    return Words{} + x;
}

// Writes the 8·kCounters numbers of 16 bits that the counters {word 0, 1, 2 of `counter`, first + 0, 1, 2, …} give, low
// half of each word first.
LLMFT_SIMD void store_bits(uint16_t* bits, PhiloxCounter counter, uint32_t first, PhiloxKey key) {
    const Words multiplier0 = all_lanes(kPhiloxMultiply0);
    const Words multiplier1 = all_lanes(kPhiloxMultiply1);
    Words word0 = all_lanes(counter.word[0]);
    Words word1 = all_lanes(counter.word[1]);
    Words word2 = all_lanes(counter.word[2]);
    Words word3 = kCounterOfLane + first;
#pragma GCC unroll 10
    for (int round = 0; round < kPhiloxRounds; ++round) {
        const Words product0 = multiply(word0, multiplier0);
        const Words product1 = multiply(word2, multiplier1);
        word0 = (product1 >> 32) ^ word1 ^ all_lanes(key.word[0]);
        word1 = product1;
        word2 = (product0 >> 32) ^ word3 ^ all_lanes(key.word[1]);
        word3 = product0;
        key = {key.word[0] + kPhiloxKeyStep0, key.word[1] + kPhiloxKeyStep1};
    }
    const Words lower = all_lanes(0xffffffffu);
    store_pairs(bits, (word0 & lower) | (word1 << 32), (word2 & lower) | (word3 << 32));
}

}   // namespace llmft::cpu::LLMFT_ISA
