#include "tests/kernels/simd_probe.h"

#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

#define LLMFT_PROBE_UNARY(name, From, To, expression)                \
    void name(const From* a, To* y, int64_t n) {                     \
        for_lanes(n, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA { \
            const F32x16 x = load(a + at, lanes);                    \
            store(y + at, expression, lanes);                        \
        });                                                          \
    }
#define LLMFT_PROBE_BINARY(name, expression)                         \
    void name(const float* a, const float* b, float* y, int64_t n) { \
        for_lanes(n, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA { \
            const F32x16 u = load(a + at, lanes);                    \
            const F32x16 v = load(b + at, lanes);                    \
            store(y + at, expression, lanes);                        \
        });                                                          \
    }

LLMFT_PROBE_UNARY(probe_exp, float, float, exp(x))
LLMFT_PROBE_UNARY(probe_sqrt, float, float, sqrt(x))
LLMFT_PROBE_UNARY(probe_to_bf16, float, bf16, x)
LLMFT_PROBE_UNARY(probe_round_bf16, float, float, rounded_to(static_cast<bf16*>(nullptr), x))
LLMFT_PROBE_UNARY(probe_from_bf16, bf16, float, x)
LLMFT_PROBE_UNARY(probe_to_f16, float, f16, x)
LLMFT_PROBE_UNARY(probe_from_f16, f16, float, x)
LLMFT_PROBE_BINARY(probe_max, max(u, v))
LLMFT_PROBE_BINARY(probe_min, min(u, v))
LLMFT_PROBE_BINARY(probe_less, select(u < v, splat(1.0f), zero()))

void probe_fma(const float* a, const float* b, const float* c, float* y, int64_t n) {
    for_lanes(n, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA {
        store(y + at, fma(load(a + at, lanes), load(b + at, lanes), load(c + at, lanes)), lanes);
    });
}

float probe_sum(const float* a, int64_t n) {
    F32x16 total = zero();
    for_lanes(n, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA { total = total + load(a + at, lanes); });
    return sum(total);
}

float probe_max_of(const float* a) {
    return max_of(load(a));
}

}   // namespace

const test::SimdProbe simd_probe = {probe_exp,      probe_sqrt,    probe_fma,        probe_max,       probe_min,
                                    probe_less,     probe_to_bf16, probe_round_bf16, probe_from_bf16, probe_to_f16,
                                    probe_from_f16, probe_sum,     probe_max_of};

}   // namespace llmft::cpu::LLMFT_ISA
