#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/swiglu/swiglu.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

LLMFT_SIMD F32x16 sigmoid(F32x16 g) {
    return splat(1.0f) / (splat(1.0f) + exp(zero() - g));
}

template <class T>
void forward(const SwigluForward& a) {
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            const T* const gate = a.gate.row<const T>(t);
            const T* const up = a.up.row<const T>(t);
            T* const y = a.y.row<T>(t);
            for_lanes(a.cols, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                const F32x16 g = load(gate + c, lanes);
                store(y + c, g * sigmoid(g) * load(up + c, lanes), lanes);
            });
        }
    });
}

template <class T>
void backward(const SwigluBackward& a) {
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            const T* const gate = a.gate.row<const T>(t);
            const T* const up = a.up.row<const T>(t);
            const T* const d_y = a.d_y.row<const T>(t);
            T* const d_gate = a.d_gate.row<T>(t);
            T* const d_up = a.d_up.row<T>(t);
            for_lanes(a.cols, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                const F32x16 g = load(gate + c, lanes);
                const F32x16 u = load(up + c, lanes);
                const F32x16 d = load(d_y + c, lanes);
                const F32x16 s = sigmoid(g);
                const F32x16 silu = g * s;
                store(d_gate + c, d * u * fma(silu, splat(1.0f) - s, s), lanes);   // σ·(1 + g·(1 − σ))
                store(d_up + c, d * silu, lanes);
            });
        }
    });
}

}   // namespace

void swiglu_forward(const SwigluForward& a) {
    with_element(a.gate.dtype, [&](auto type) { forward<typename decltype(type)::Type>(a); });
}

void swiglu_backward(const SwigluBackward& a) {
    with_element(a.gate.dtype, [&](auto type) { backward<typename decltype(type)::Type>(a); });
}

}   // namespace llmft::cpu::LLMFT_ISA
