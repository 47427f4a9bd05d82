#include "engine/ops/gemm.h"

#include "engine/ops/launch.h"

namespace llmft::ops {

void gemm(const Gemm& a, Run& run) {
    constexpr const char* kOp = "gemm";
    const int64_t m = a.c.rows, n = a.c.cols;
    const int64_t k = a.a_op == Transpose::kNo ? a.a.cols : a.a.rows;
    expect_float(kOp, "a", a.a);
    expect_shape(kOp, "a", a.a, a.a_op == Transpose::kNo ? m : k, a.a_op == Transpose::kNo ? k : m);
    expect_shape(kOp, "b", a.b, a.b_op == Transpose::kNo ? k : n, a.b_op == Transpose::kNo ? n : k);
    expect_dtype(kOp, "b", a.b, a.a.dtype);
    if (a.c.dtype != DType::kF32) expect_dtype(kOp, "c", a.c, a.a.dtype);
    const double reads_c = a.out_mode == OutMode::kAccumulate ? 2 : 1;
    const OpCost cost = {.flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
                         .bytes = bytes(a.a) + bytes(a.b) + reads_c * bytes(a.c)};
    const llmft::Gemm product = {.a = a.a.view(),
                                 .b = a.b.view(),
                                 .c = a.c.view(),
                                 .a_op = a.a_op,
                                 .b_op = a.b_op,
                                 .m = m,
                                 .n = n,
                                 .k = k,
                                 .out_mode = a.out_mode,
                                 .engine = run.device.gemm_engine()};
    if (run.device.kind() == DeviceKind::kDry) run.profile.add_product(product);
    launch(kOp, cost, product, cpu::gemm, cuda::gemm, run);
}

}   // namespace llmft::ops
