#include "engine/ops/attention.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/launch.h"
#include "kernels/attention/attention.h"

namespace llmft::ops {
namespace {

void check(const char* op, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& o, const Tensor& lse,
           const AttentionShape& s) {
    if (s.head_dim > cpu::kMaxHeadDim)
        throw InternalError(fmt::format("{}: head_dim {}; at most {}", op, s.head_dim, cpu::kMaxHeadDim));
    expect_float(op, "q", q);
    expect_shape(op, "q", q, q.rows, s.heads * s.head_dim);
    expect_shape(op, "k", k, k.rows, s.kv_heads * s.head_dim);
    expect_shape(op, "v", v, k.rows, s.kv_heads * s.head_dim);
    expect_shape(op, "o", o, q.rows, s.heads * s.head_dim);
    expect_shape(op, "lse", lse, q.rows, s.heads);
    expect_dtype(op, "lse", lse, DType::kF32);
    for (const Tensor* t : {&k, &v, &o}) expect_dtype(op, "k, v or o", *t, q.dtype);
    for (const Tensor* t : {&s.cu_q, &s.cu_k}) {
        expect_shape(op, "cu_q or cu_k", *t, 1, s.documents + 1);
        expect_dtype(op, "cu_q or cu_k", *t, DType::kI32);
    }
}

double pair_flops(const AttentionShape& s) {   // of one product q·k over all heads
    return 2.0 * static_cast<double>(s.pairs) * static_cast<double>(s.heads * s.head_dim);
}

int64_t sum_to(int64_t n) {   // 1 + 2 + … + n
    return n > 0 ? n * (n + 1) / 2 : 0;
}

}   // namespace

int64_t attention_pairs(int64_t queries, int64_t keys, int64_t window) {
    // Query i sees keys − queries + 1 + i keys, or the window's.
    const int64_t before = std::max<int64_t>(keys - queries, 0);
    const int64_t causal = sum_to(keys) - sum_to(before);
    return window > 0 ? causal - sum_to(keys - window) + sum_to(before - window) : causal;
}

void attention_forward(const AttentionForward& a, Run& run) {
    constexpr const char* kOp = "attention_forward";
    check(kOp, a.q, a.k, a.v, a.o, a.lse, a.shape);
    const OpCost cost = {.flops = 2 * pair_flops(a.shape),
                         .bytes = bytes(a.q) + bytes(a.k) + bytes(a.v) + bytes(a.o) + bytes(a.lse)};
    launch<llmft::AttentionForward>(kOp, cost,
                                    {.q = a.q.view(),
                                     .k = a.k.view(),
                                     .v = a.v.view(),
                                     .o = a.o.view(),
                                     .lse = static_cast<float*>(a.lse.data),
                                     .cu_q = static_cast<int32_t*>(a.shape.cu_q.data),
                                     .cu_k = static_cast<int32_t*>(a.shape.cu_k.data),
                                     .documents = a.shape.documents,
                                     .heads = a.shape.heads,
                                     .kv_heads = a.shape.kv_heads,
                                     .head_dim = a.shape.head_dim,
                                     .window = a.shape.window,
                                     .scale = a.shape.scale},
                                    cpu::attention_forward, cuda::attention_forward, run);
}

void attention_backward(const AttentionBackward& a, Run& run) {
    constexpr const char* kOp = "attention_backward";
    check(kOp, a.q, a.k, a.v, a.o, a.lse, a.shape);
    expect_shape(kOp, "d_o", a.d_o, a.q.rows, a.q.cols);
    expect_shape(kOp, "d_q", a.d_q, a.q.rows, a.q.cols);
    expect_shape(kOp, "d_k", a.d_k, a.k.rows, a.k.cols);
    expect_shape(kOp, "d_v", a.d_v, a.v.rows, a.v.cols);
    for (const Tensor* t : {&a.d_o, &a.d_q, &a.d_k, &a.d_v}) expect_dtype(kOp, "d_o, d_q, d_k or d_v", *t, a.q.dtype);
    const Arena::Mark scratch(run.arena);
    // Each dialect uses one of the two; a plan holds both, so that it is the same on every device.
    const Tensor delta = run.arena.take("attention.delta", DType::kF32, a.q.rows, a.shape.heads);
    const int64_t workspace_bytes =
        cpu::attention_workspace_bytes(a.q.dtype, a.k.rows, a.shape.kv_heads, a.shape.head_dim);
    const Tensor workspace = run.arena.take("attention.workspace", DType::kU8, 1, workspace_bytes);
    const OpCost cost = {.flops = 5 * pair_flops(a.shape),
                         .bytes = 3 * bytes(a.q) + bytes(a.o) + 4 * bytes(a.k) + bytes(a.lse)};
    launch<llmft::AttentionBackward>(kOp, cost,
                                     {.q = a.q.view(),
                                      .k = a.k.view(),
                                      .v = a.v.view(),
                                      .o = a.o.view(),
                                      .lse = static_cast<float*>(a.lse.data),
                                      .d_o = a.d_o.view(),
                                      .d_q = a.d_q.view(),
                                      .d_k = a.d_k.view(),
                                      .d_v = a.d_v.view(),
                                      .delta = static_cast<float*>(delta.data),
                                      .workspace = workspace_bytes ? static_cast<float*>(workspace.data) : nullptr,
                                      .cu_q = static_cast<int32_t*>(a.shape.cu_q.data),
                                      .cu_k = static_cast<int32_t*>(a.shape.cu_k.data),
                                      .documents = a.shape.documents,
                                      .heads = a.shape.heads,
                                      .kv_heads = a.shape.kv_heads,
                                      .head_dim = a.shape.head_dim,
                                      .window = a.shape.window,
                                      .scale = a.shape.scale},
                                     cpu::attention_backward, cuda::attention_backward, run);
}

}   // namespace llmft::ops
