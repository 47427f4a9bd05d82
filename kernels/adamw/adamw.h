// AdamW as torch.optim.AdamW computes it, on flat f32 arrays, with ĝ = grad_scale[0]·g:
//   p ← p·(1 − lr·decay);  m ← β1·m + (1−β1)·ĝ;  v ← β2·v + (1−β2)·ĝ²
//   p ← p − lr/(1−β1^t) · m / (√v/√(1−β2^t) + eps)
// A non-finite grad_scale leaves p, m and v untouched: a bad step never reaches the state. Hyperparameters are double,
// as torch's are: 1 − β2 of an f32 β2 = 0.999 would be off by 1e-5.
//
// clip_scale makes that factor from the gradient's sum of squares (of the unscaled sums) and 1/N, as torch's
// clip_grad_norm_:  norm = inv_count·√sum_squares;  grad_scale = inv_count·min(1, max_norm/(norm + 1e-6)),  and NaN
// where the norm is not finite.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct AdamwStep {
    float* param;              // (count)
    const float* grad;         // (count) sums over the window, unscaled
    float* m;                  // (count)
    float* v;                  // (count)
    const float* grad_scale;   // (1) on the device
    int64_t count;
    double lr;
    double beta1;
    double beta2;
    double eps;
    double decay;
    int64_t step;   // t, from 1
};

struct ClipScale {
    const double* sum_squares;   // (1)
    double inv_count;            // 1/N
    double max_norm;             // ≤ 0: no clipping
    double* norm;                // (1) out: gradient norm before clipping
    float* grad_scale;           // (1) out
};

namespace cpu {
void adamw_step(const AdamwStep&);
void clip_scale(const ClipScale&);
}   // namespace cpu
namespace cuda {
void adamw_step(const AdamwStep&, StreamHandle);
void clip_scale(const ClipScale&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
