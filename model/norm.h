// An RMSNorm of the model: its weight, and its parameter block where it is trained.
#pragma once

#include "model/linear.h"

namespace llmft {

struct Norm {
    WeightId weight;
    BlockId w = {};   // where it is trained
    float eps = 0;
};

// y (T, C) = norm(x); returns 1/rms of the rows, (1, T), in scratch of the caller's Mark.
Tensor norm_forward(const Norm&, const Tensor& x, const Tensor& y, const LinearContext&, Run&);
// d_x += the norm's gradient; also d_w where it is trained.
struct NormBackward {
    Tensor x;      // (T, C) the forward's input
    Tensor rstd;   // what norm_forward returned
    Tensor d_y;    // (T, C)
    Tensor d_x;    // (T, C) accumulates
};
void norm_backward(const Norm&, const NormBackward&, const LinearContext&, Run&);
void norm_publish(const Norm&, const WeightStore&, const ParameterSet&, Run&);

}   // namespace llmft
