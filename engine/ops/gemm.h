// Checked matrix product: c = op(a)·op(b) (+ c); see kernels/gemm/gemm.h. Shapes follow from the tensors.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct Gemm {
    Tensor a;
    Transpose a_op;
    Tensor b;
    Transpose b_op;
    Tensor c;   // (M, N) f32, or the dtype of a and b
    OutMode out_mode;
};
void gemm(const Gemm&, Run&);

}   // namespace llmft::ops
