// Checked SwiGLU; see kernels/swiglu/swiglu.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct SwigluForward {
    Tensor gate, up, y;   // (T, F)
};
void swiglu_forward(const SwigluForward&, Run&);

struct SwigluBackward {
    Tensor gate, up, d_y;   // (T, F)
    Tensor d_gate, d_up;    // (T, F) may be gate and up
};
void swiglu_backward(const SwigluBackward&, Run&);

}   // namespace llmft::ops
