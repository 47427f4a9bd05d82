// What tests/kernels/simd_test.cpp asks of kernels/base/simd.h, compiled once per instruction set like any kernel.
#pragma once

#include <cstdint>

#include "kernels/base/half.h"

namespace llmft::test {

// y[i] = function(a[i], b[i], c[i]) for i < n, through vectors and their tails.
struct SimdProbe {
    void (*exp)(const float* a, float* y, int64_t n);
    void (*sqrt)(const float* a, float* y, int64_t n);
    void (*fma)(const float* a, const float* b, const float* c, float* y, int64_t n);
    void (*max)(const float* a, const float* b, float* y, int64_t n);
    void (*min)(const float* a, const float* b, float* y, int64_t n);
    void (*less)(const float* a, const float* b, float* y, int64_t n);   // 1 or 0
    void (*to_bf16)(const float* a, bf16* y, int64_t n);
    void (*round_bf16)(const float* a, float* y, int64_t n);
    void (*from_bf16)(const bf16* a, float* y, int64_t n);
    void (*to_f16)(const float* a, f16* y, int64_t n);
    void (*from_f16)(const f16* a, float* y, int64_t n);
    float (*sum)(const float* a, int64_t n);   // over lanes at, at + 16, …, then sum(F32x16)
    float (*max_of)(const float* a);           // of 16
};

}   // namespace llmft::test

namespace llmft::cpu {
#define LLMFT_PROBE(isa)                     \
    namespace isa {                          \
    extern const test::SimdProbe simd_probe; \
    }
#if defined(__x86_64__)
LLMFT_PROBE(v2)
LLMFT_PROBE(v3)
LLMFT_PROBE(v4)
#else
LLMFT_PROBE(baseline)
#endif
#undef LLMFT_PROBE
}   // namespace llmft::cpu
