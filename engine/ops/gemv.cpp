#include "engine/ops/gemv.h"

#include "engine/ops/gemm.h"
#include "engine/ops/launch.h"
#include "kernels/gemv/gemv.h"

namespace llmft::ops {

void gemv(const Gemv& a, Run& run) {
    if (run.device.gemm_engine() == GemmEngine::kPortable)
        return gemm(
            {.a = a.x, .a_op = Transpose::kNo, .b = a.w, .b_op = Transpose::kYes, .c = a.y, .out_mode = a.out_mode},
            run);
    constexpr const char* kOp = "gemv";
    expect_float(kOp, "x", a.x);
    expect_shape(kOp, "w", a.w, a.y.cols, a.x.cols);
    expect_shape(kOp, "y", a.y, a.x.rows, a.w.rows);
    expect_dtype(kOp, "w", a.w, a.x.dtype);
    if (a.y.dtype != DType::kF32) expect_dtype(kOp, "y", a.y, a.x.dtype);
    const double reads_y = a.out_mode == OutMode::kAccumulate ? 2 : 1;
    launch<llmft::Gemv>(kOp,
                        {.flops = 2.0 * static_cast<double>(a.x.rows) * static_cast<double>(a.w.count()),
                         .bytes = bytes(a.x) + bytes(a.w) + reads_y * bytes(a.y)},
                        {.x = a.x.view(),
                         .w = a.w.view(),
                         .y = a.y.view(),
                         .m = a.x.rows,
                         .n = a.w.rows,
                         .k = a.x.cols,
                         .out_mode = a.out_mode},
                        cpu::gemv, cuda::gemv, run);
}

}   // namespace llmft::ops
