// Checked bias of a linear; see kernels/bias/bias.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct AddBias {
    Tensor y;      // (T, N) in place
    Tensor bias;   // (1, N) any float dtype
};
void add_bias(const AddBias&, Run&);

struct BiasGradient {
    Tensor d_y;      // (T, N)
    Tensor d_bias;   // (1, N) f32, accumulates
    float scale;
};
void bias_gradient(const BiasGradient&, Run&);

}   // namespace llmft::ops
