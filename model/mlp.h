// The MLP half of a block: x_out = x_mid + down(silu(gate(h))·up(h)), h = norm(x_mid).
#pragma once

#include "model/attention.h"

namespace llmft {

struct Mlp {
    Norm norm;
    LinearGroup gate_up;   // rows: F of gate, F of up
    LinearGroup down;
};

// The first part fills saved.gate_up and s_gate_up; the second needs only them. A rerun in backward stops after the
// first.
void mlp_gate_up_forward(const Mlp&, const Tensor& x_mid, const MlpSaved&, const LayerContext&, Run&);
void mlp_down_forward(const Mlp&, const Tensor& x_mid, const MlpSaved&, const Tensor& x_out, const LayerContext&, Run&);

struct MlpHalfBackward {
    Tensor x_mid;   // (T, C)
    Tensor d_x;     // (T, C) in: gradient of x_out; out: gradient of x_mid. down's P spare columns beside it
};
// Overwrites saved.gate_up by its gradient.
void mlp_backward(const Mlp&, const MlpSaved&, const MlpHalfBackward&, const LayerContext&, Run&);

}   // namespace llmft
