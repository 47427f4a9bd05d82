// Checked RMSNorm; the formula is in kernels/rmsnorm/rmsnorm.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct RmsNormForward {
    Tensor x;      // (T, C)
    Tensor w;      // (1, C)
    Tensor y;      // (T, C) x's dtype
    Tensor rstd;   // (1, T) f32
    float eps;
};
void rmsnorm_forward(const RmsNormForward&, Run&);

struct RmsNormBackward {
    Tensor x;      // (T, C)
    Tensor w;      // (1, C)
    Tensor rstd;   // (1, T)
    Tensor d_y;    // (T, C)
    Tensor d_x;    // (T, C) accumulates
    Tensor d_w;    // (1, C) f32, accumulates; empty where the weight is frozen
};
void rmsnorm_backward(const RmsNormBackward&, Run&);

}   // namespace llmft::ops
