// y = silu(g)·u,  silu(g) = g·σ(g).   d_g = d_y·u·σ(g)·(1 + g·(1 − σ(g))),   d_u = d_y·silu(g)
// All views of a call have one dtype, f32 or bf16.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct SwigluForward {
    View gate;   // (T, F)
    View up;     // (T, F)
    View y;      // (T, F)
    int64_t rows;
    int64_t cols;
};

struct SwigluBackward {
    View gate;     // (T, F)
    View up;       // (T, F)
    View d_y;      // (T, F)
    View d_gate;   // (T, F)  may alias gate
    View d_up;     // (T, F)  may alias up
    int64_t rows;
    int64_t cols;
};

namespace cpu {
void swiglu_forward(const SwigluForward&);
void swiglu_backward(const SwigluBackward&);
}   // namespace cpu
namespace cuda {
void swiglu_forward(const SwigluForward&, StreamHandle);
void swiglu_backward(const SwigluBackward&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
