#include "engine/ops/rope.h"

#include <fmt/format.h>

#include "engine/ops/launch.h"

namespace llmft::ops {

void rope_table(const RopeTable& a, Run& run) {
    constexpr const char* kOp = "rope_table";
    expect_dtype(kOp, "positions", a.positions, DType::kI32);
    expect_shape(kOp, "positions", a.positions, 1, a.cos.rows);
    expect_dtype(kOp, "inv_freq", a.inv_freq, DType::kF32);
    expect_shape(kOp, "inv_freq", a.inv_freq, a.lengths.rule == RopeLengths::Rule::kTwoSets ? 2 : 1, a.cos.cols);
    if (a.lengths.rule == RopeLengths::Rule::kDynamic && (a.cos.cols < 2 || a.cos.cols > kMaxRopeHalf))
        throw InternalError(fmt::format("{}: {} pairs; 2 to {} can follow a length", kOp, a.cos.cols, kMaxRopeHalf));
    for (const Tensor* t : {&a.cu_q, &a.cu_k}) {
        expect_shape(kOp, "cu_q or cu_k", *t, 1, a.cu_q.cols);
        expect_dtype(kOp, "cu_q or cu_k", *t, DType::kI32);
    }
    expect_shape(kOp, "sin", a.sin, a.cos.rows, a.cos.cols);
    expect_dtype(kOp, "sin", a.sin, a.cos.dtype);
    launch<llmft::RopeTable>(
        kOp, {.flops = static_cast<double>(a.cos.count()), .bytes = 2 * bytes(a.cos) + bytes(a.positions)},
        {.positions = static_cast<int32_t*>(a.positions.data),
         .inv_freq = a.inv_freq.view(),
         .cos = a.cos.view(),
         .sin = a.sin.view(),
         .cu_q = static_cast<int32_t*>(a.cu_q.data),
         .cu_k = static_cast<int32_t*>(a.cu_k.data),
         .tokens = a.cos.rows,
         .half = a.cos.cols,
         .scaling = a.scaling,
         .lengths = a.lengths},
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
