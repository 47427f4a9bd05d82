// Checked ops of the optimizer step, on flat f32 arrays; see kernels/{adamw,reduce}.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct SumSquares {
    Tensor x;     // (1, count) f32
    Tensor out;   // (1, 1) f64
    OutMode out_mode;
};
void sum_squares(const SumSquares&, Run&);

struct ClipScale {
    Tensor sum_squares;   // (1, 1) f64
    Tensor norm;          // (1, 1) f64 out
    Tensor grad_scale;    // (1, 1) f32 out
    double inv_count;
    double max_norm;
};
void clip_scale(const ClipScale&, Run&);

struct AdamwStep {
    Tensor param, grad, m, v;   // (1, count) f32
    Tensor grad_scale;          // (1, 1) f32
    double lr, beta1, beta2, eps, decay;
    int64_t step;   // from 1
};
void adamw_step(const AdamwStep&, Run&);

}   // namespace llmft::ops
