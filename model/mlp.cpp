#include "model/mlp.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/swiglu.h"

namespace llmft {
namespace {

struct GateUp {
    Tensor gate, up;   // (T, F)
};

GateUp split(const Tensor& gate_up) {
    const int64_t f = gate_up.cols / 2;
    return {gate_up.columns(0, f), gate_up.columns(f, f)};
}

// (T, F | P) in scratch of the caller's Mark.
Tensor activate(const Mlp& m, const Tensor& gate_up, Run& run) {
    const GateUp t = split(gate_up);
    const Tensor act = run.arena.take("mlp.act", gate_up.dtype, gate_up.rows, m.down.k, m.down.k + m.down.p);
    ops::swiglu_forward({.gate = t.gate, .up = t.up, .y = act}, run);
    return act;
}

}   // namespace

void mlp_gate_up_forward(const Mlp& m, const Tensor& x_mid, const MlpSaved& saved, const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    const Tensor h =
        run.arena.take("mlp.norm", x_mid.dtype, x_mid.rows, x_mid.cols, x_mid.cols + m.gate_up.p);   // (T, C | P)
    norm_forward(m.norm, x_mid, h, c.linear, run);
    linear_forward(m.gate_up, {.x = h, .y = saved.gate_up, .out_mode = OutMode::kOverwrite, .s = saved.s_gate_up},
                   c.linear, run);
}

void mlp_down_forward(const Mlp& m, const Tensor& x_mid, const MlpSaved& saved, const Tensor& x_out,
                      const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    const Tensor act = activate(m, saved.gate_up, run);
    ops::cast({.x = x_mid, .y = x_out, .scale = 1}, run);
    linear_forward(m.down, {.x = act, .y = x_out, .out_mode = OutMode::kAccumulate, .s = saved.s_down}, c.linear, run);
}

void mlp_backward(const Mlp& m, const MlpSaved& saved, const MlpHalfBackward& t, const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    const Tensor& x = t.x_mid;
    {
        const Arena::Mark act_scratch(run.arena);
        const Tensor act = activate(m, saved.gate_up, run);
        const Tensor d_act = run.arena.take("mlp.d_act", x.dtype, x.rows, m.down.k);   // (T, F)
        linear_backward(m.down, {.x = act, .s = saved.s_down, .d_y = t.d_x, .d_x = d_act}, c.linear, run);
        const GateUp f = split(saved.gate_up);
        ops::swiglu_backward({.gate = f.gate, .up = f.up, .d_y = d_act, .d_gate = f.gate, .d_up = f.up}, run);
    }
    const Tensor h = run.arena.take("mlp.norm", x.dtype, x.rows, x.cols);
    const Tensor rstd = norm_forward(m.norm, x, h, c.linear, run);
    const Tensor d_h = run.arena.take("mlp.d_norm", x.dtype, x.rows, x.cols);
    linear_backward(m.gate_up, {.x = h, .s = saved.s_gate_up, .d_y = saved.gate_up, .d_x = d_h}, c.linear, run);
    norm_backward(m.norm, {.x = x, .rstd = rstd, .d_y = d_h, .d_x = t.d_x}, c.linear, run);
}

}   // namespace llmft
