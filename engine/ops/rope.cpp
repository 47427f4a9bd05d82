#include "engine/ops/rope.h"

#include "engine/ops/launch.h"

namespace llmft::ops {

void rope_table(const RopeTable& a, Run& run) {
    constexpr const char* kOp = "rope_table";
    expect_dtype(kOp, "positions", a.positions, DType::kI32);
    expect_shape(kOp, "positions", a.positions, 1, a.cos.rows);
    expect_dtype(kOp, "inv_freq", a.inv_freq, DType::kF32);
    expect_shape(kOp, "inv_freq", a.inv_freq, 1, a.cos.cols);
    expect_shape(kOp, "sin", a.sin, a.cos.rows, a.cos.cols);
    expect_dtype(kOp, "sin", a.sin, a.cos.dtype);
    launch<llmft::RopeTable>(
        kOp, {.flops = static_cast<double>(a.cos.count()), .bytes = 2 * bytes(a.cos) + bytes(a.positions)},
        {.positions = static_cast<int32_t*>(a.positions.data),
         .inv_freq = static_cast<float*>(a.inv_freq.data),
         .cos = a.cos.view(),
         .sin = a.sin.view(),
         .tokens = a.cos.rows,
         .half = a.cos.cols,
         .scaling = a.scaling},
        cpu::rope_table, cuda::rope_table, run);
}

void rope_apply(const RopeApply& a, Run& run) {
    constexpr const char* kOp = "rope_apply";
    const int64_t head_dim = 2 * a.cos.cols;
    expect_shape(kOp, "x", a.x, a.cos.rows, a.x.cols / head_dim * head_dim);
    expect_dtype(kOp, "cos", a.cos, a.x.dtype);
    expect_shape(kOp, "sin", a.sin, a.cos.rows, a.cos.cols);
    expect_dtype(kOp, "sin", a.sin, a.x.dtype);
    launch<llmft::RopeApply>(
        kOp, {.flops = 3.0 * static_cast<double>(a.x.count()), .bytes = 2 * bytes(a.x) + 2 * bytes(a.cos)},
        {.x = a.x.view(),
         .cos = a.cos.view(),
         .sin = a.sin.view(),
         .tokens = a.x.rows,
         .heads = a.x.cols / head_dim,
         .half = a.cos.cols,
         .direction = a.direction},
        cpu::rope_apply, cuda::rope_apply, run);
}

}   // namespace llmft::ops
