// Checked RMSNorm; the formula is in kernels/rmsnorm/rmsnorm.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct RmsNormForward {
    Tensor x;      // (T, G·C)
    Tensor w;      // (1, C): a row of x is as many groups as it has times C columns
    Tensor y;      // (T, G·C) x's dtype
    Tensor rstd;   // (1, T·G) f32
    float eps;
};
void rmsnorm_forward(const RmsNormForward&, Run&);

struct RmsNormBackward {
    Tensor x;      // (T, G·C)
    Tensor w;      // (1, C)
    Tensor rstd;   // (1, T·G)
    Tensor d_y;    // (T, G·C)
    Tensor d_x;    // (T, G·C) accumulates
    Tensor d_w;    // (1, C) f32, accumulates; empty where the weight is frozen
};
void rmsnorm_backward(const RmsNormBackward&, Run&);

}   // namespace llmft::ops
