// y[t,g,c] = w[c] · round(x[t,g,c] · rstd[t,g]),   rstd[t,g] = 1/√(mean_c x[t,g,c]² + eps)
// A row is G groups of C, each normed by itself with the same weight: one group is the residual stream's norm, one for
// each head the norms of queries and keys.
// `round` is the cast to y's dtype that Hugging Face's LlamaRMSNorm makes before the weight (formula: transformers,
// modeling_llama.py). Backward, with x̂ = x·rstd and e = w·d_y:
//   d_x += rstd · (e − x̂ · mean_c(e·x̂)),   d_w += Σ_{t,g} d_y·x̂
// x and d_x share a dtype, y and d_y too; w, x and y may each be f32 or bf16. y may alias x where their dtypes are the
// same.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct RmsNormForward {
    View x;        // (T, G·C)
    View w;        // (1, C)
    View y;        // (T, G·C)  may alias x
    float* rstd;   // (T, G)    saved for backward
    int64_t rows;
    int64_t groups;
    int64_t cols;   // C
    float eps;
};

struct RmsNormBackward {
    View x;              // (T, G·C)
    View w;              // (1, C)
    const float* rstd;   // (T, G)
    View d_y;            // (T, G·C)
    View d_x;            // (T, G·C)  accumulates: the residual stream adds its gradient here
    float* d_w;          // (C) f32, accumulates; null where the weight is frozen
    int64_t rows;
    int64_t groups;
    int64_t cols;   // C
};

namespace cpu {
void rmsnorm_forward(const RmsNormForward&);
void rmsnorm_backward(const RmsNormBackward&);
}   // namespace cpu
namespace cuda {
void rmsnorm_forward(const RmsNormForward&, StreamHandle);
void rmsnorm_backward(const RmsNormBackward&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
