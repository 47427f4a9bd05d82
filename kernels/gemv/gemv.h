// Y = X·Wᵀ (+ Y) for the few rows of a decoding step: every element is one dot product over K in fixed lanes and one
// fixed tree. A row's bits depend on that row and W alone: not on the rows beside it, on the number of threads or on
// the instruction set. W is read once, which is what a step costs. X, W and Y share a dtype (f32, bf16); Y may be f32.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct Gemv {
    View x;   // (M, K)
    View w;   // (N, K): a Hugging Face weight
    View y;   // (M, N)
    int64_t m;
    int64_t n;
    int64_t k;
    OutMode out_mode;
};

namespace cpu {
void gemv(const Gemv&);
}   // namespace cpu
namespace cuda {
void gemv(const Gemv&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
