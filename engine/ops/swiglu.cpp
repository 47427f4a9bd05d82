#include "engine/ops/swiglu.h"

#include "engine/ops/launch.h"
#include "kernels/swiglu/swiglu.h"

namespace llmft::ops {
namespace {

void expect_like(const char* op, const char* operand, const Tensor& t, const Tensor& model) {
    expect_shape(op, operand, t, model.rows, model.cols);
    expect_dtype(op, operand, t, model.dtype);
}

}   // namespace

void swiglu_forward(const SwigluForward& a, Run& run) {
    constexpr const char* kOp = "swiglu_forward";
    expect_float(kOp, "gate", a.gate);
    expect_like(kOp, "up", a.up, a.gate);
    expect_like(kOp, "y", a.y, a.gate);
    launch<llmft::SwigluForward>(
        kOp, {.flops = 5.0 * static_cast<double>(a.y.count()), .bytes = 3 * bytes(a.y)},
        {.gate = a.gate.view(), .up = a.up.view(), .y = a.y.view(), .rows = a.y.rows, .cols = a.y.cols},
        cpu::swiglu_forward, cuda::swiglu_forward, run);
}

void swiglu_backward(const SwigluBackward& a, Run& run) {
    constexpr const char* kOp = "swiglu_backward";
    expect_float(kOp, "gate", a.gate);
    expect_like(kOp, "up", a.up, a.gate);
    expect_like(kOp, "d_y", a.d_y, a.gate);
    expect_like(kOp, "d_gate", a.d_gate, a.gate);
    expect_like(kOp, "d_up", a.d_up, a.gate);
    launch<llmft::SwigluBackward>(kOp,
                                  {.flops = 11.0 * static_cast<double>(a.gate.count()), .bytes = 5 * bytes(a.gate)},
                                  {.gate = a.gate.view(),
                                   .up = a.up.view(),
                                   .d_y = a.d_y.view(),
                                   .d_gate = a.d_gate.view(),
                                   .d_up = a.d_up.view(),
                                   .rows = a.gate.rows,
                                   .cols = a.gate.cols},
                                  cpu::swiglu_backward, cuda::swiglu_backward, run);
}

}   // namespace llmft::ops
