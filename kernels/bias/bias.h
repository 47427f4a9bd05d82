// A bias on every row, and its gradient.
//   add_bias:        y[t,n] += bias[n]
//   bias_gradient:   d_bias[n] += scale·Σ_t d_y[t,n]
// Sums run in f32 over blocks of 64 rows, whose results are added in order: the same bits for any number of threads and
// on every instruction set.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct AddBias {
    View y;      // (T, N) f32 or bf16, in place
    View bias;   // (1, N) f32, bf16 or f16
    int64_t rows;
    int64_t cols;
};

struct BiasGradient {
    View d_y;        // (T, N) f32 or bf16
    float* d_bias;   // (N) accumulates
    int64_t rows;
    int64_t cols;
    float scale;
};

namespace cpu {
void add_bias(const AddBias&);
void bias_gradient(const BiasGradient&);
}   // namespace cpu
namespace cuda {
void add_bias(const AddBias&, StreamHandle);
void bias_gradient(const BiasGradient&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
