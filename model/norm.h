// An RMSNorm of the model: its weight, and its parameter block where it is trained.
#pragma once

#include "model/linear.h"

namespace llmft {

struct Norm {
    WeightId weight;
    BlockId w = {};   // where it is trained
    float eps = 0;
};

// y (T, G·C) = norm(x), where C is the weight's width and every group of C columns is normed by itself; returns 1/rms
// of the groups, (1, T·G), in scratch of the caller's Mark.
Tensor norm_forward(const Norm&, const Tensor& x, const Tensor& y, const LinearContext&, Run&);
// d_x += the norm's gradient; also d_w where it is trained.
struct NormBackward {
    Tensor x;      // (T, G·C) the forward's input
    Tensor rstd;   // what norm_forward returned
    Tensor d_y;    // (T, G·C)
    Tensor d_x;    // (T, G·C) accumulates
};
void norm_backward(const Norm&, const NormBackward&, const LinearContext&, Run&);
void norm_publish(const Norm&, const WeightStore&, const ParameterSet&, Run&);

}   // namespace llmft
