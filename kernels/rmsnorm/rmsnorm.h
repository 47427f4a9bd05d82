// y[t,c] = w[c] · round(x[t,c] · rstd[t]),   rstd[t] = 1/√(mean_c x[t,c]² + eps)
// `round` is the cast to y's dtype that Hugging Face's LlamaRMSNorm makes before the weight (formula: transformers,
// modeling_llama.py). Backward, with x̂ = x·rstd and g = w·d_y:
//   d_x += rstd · (g − x̂ · mean_c(g·x̂)),   d_w += Σ_t d_y·x̂
// x and d_x share a dtype, y and d_y too; w, x and y may each be f32 or bf16. y may alias x where their dtypes are the
// same.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct RmsNormForward {
    View x;        // (T, C)
    View w;        // (1, C)
    View y;        // (T, C)  may alias x
    float* rstd;   // (T)     saved for backward
    int64_t rows;
    int64_t cols;
    float eps;
};

struct RmsNormBackward {
    View x;              // (T, C)
    View w;              // (1, C)
    const float* rstd;   // (T)
    View d_y;            // (T, C)
    View d_x;            // (T, C)  accumulates: the residual stream adds its gradient here
    float* d_w;          // (C) f32, accumulates; null where the weight is frozen
    int64_t rows;
    int64_t cols;
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
