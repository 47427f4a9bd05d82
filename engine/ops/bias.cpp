#include "engine/ops/bias.h"

#include "engine/ops/launch.h"
#include "kernels/bias/bias.h"

namespace llmft::ops {

void add_bias(const AddBias& a, Run& run) {
    constexpr const char* kOp = "add_bias";
    expect_float(kOp, "y", a.y);
    expect_float(kOp, "bias", a.bias);
    expect_shape(kOp, "bias", a.bias, 1, a.y.cols);
    launch<llmft::AddBias>(kOp, {.flops = static_cast<double>(a.y.count()), .bytes = 2 * bytes(a.y) + bytes(a.bias)},
                           {.y = a.y.view(), .bias = a.bias.view(), .rows = a.y.rows, .cols = a.y.cols}, cpu::add_bias,
                           cuda::add_bias, run);
}

void bias_gradient(const BiasGradient& a, Run& run) {
    constexpr const char* kOp = "bias_gradient";
    expect_float(kOp, "d_y", a.d_y);
    expect_shape(kOp, "d_bias", a.d_bias, 1, a.d_y.cols);
    expect_dtype(kOp, "d_bias", a.d_bias, DType::kF32);
    launch<llmft::BiasGradient>(kOp,
                                {.flops = static_cast<double>(a.d_y.count()), .bytes = bytes(a.d_y) + bytes(a.d_bias)},
                                {.d_y = a.d_y.view(),
                                 .d_bias = static_cast<float*>(a.d_bias.data),
                                 .rows = a.d_y.rows,
                                 .cols = a.d_y.cols,
                                 .scale = a.scale},
                                cpu::bias_gradient, cuda::bias_gradient, run);
}

}   // namespace llmft::ops
