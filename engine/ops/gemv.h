// Checked products of few rows: y = x·wᵀ (+ y); see kernels/gemv/gemv.h. A row's bits do not depend on the others.
// With the portable engine it is that engine's gemm, which promises the same and the bits of longer runs, too.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct Gemv {
    Tensor x;   // (M, K)
    Tensor w;   // (N, K)
    Tensor y;   // (M, N) f32, or the dtype of x and w
    OutMode out_mode;
};
void gemv(const Gemv&, Run&);

}   // namespace llmft::ops
