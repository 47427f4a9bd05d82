#include "engine/ops/rmsnorm.h"

#include "engine/ops/launch.h"
#include "kernels/rmsnorm/rmsnorm.h"

namespace llmft::ops {
namespace {

// Groups of a row, G. Checks what x, w and rstd must be to one another.
int64_t groups_of(const char* op, const Tensor& x, const Tensor& w, const Tensor& rstd) {
    const int64_t groups = w.cols > 0 ? x.cols / w.cols : 0;
    expect_float(op, "x", x);
    expect_shape(op, "x", x, x.rows, groups * w.cols);
    expect_shape(op, "w", w, 1, w.cols);
    expect_dtype(op, "w", w, x.dtype);
    expect_shape(op, "rstd", rstd, 1, x.rows * groups);
    expect_dtype(op, "rstd", rstd, DType::kF32);
    return groups;
}

}   // namespace

void rmsnorm_forward(const RmsNormForward& a, Run& run) {
    constexpr const char* kOp = "rmsnorm_forward";
    const int64_t groups = groups_of(kOp, a.x, a.w, a.rstd);
    expect_shape(kOp, "y", a.y, a.x.rows, a.x.cols);
    expect_dtype(kOp, "y", a.y, a.x.dtype);
    const OpCost cost = {.flops = 4.0 * static_cast<double>(a.x.count()),
                         .bytes = 2 * bytes(a.x) + bytes(a.w) + bytes(a.rstd)};
    launch<llmft::RmsNormForward>(kOp, cost,
                                  {.x = a.x.view(),
                                   .w = a.w.view(),
                                   .y = a.y.view(),
                                   .rstd = static_cast<float*>(a.rstd.data),
                                   .rows = a.x.rows,
                                   .groups = groups,
                                   .cols = a.w.cols,
                                   .eps = a.eps},
                                  cpu::rmsnorm_forward, cuda::rmsnorm_forward, run);
}

void rmsnorm_backward(const RmsNormBackward& a, Run& run) {
    constexpr const char* kOp = "rmsnorm_backward";
    const int64_t groups = groups_of(kOp, a.x, a.w, a.rstd);
    for (const auto& [operand, tensor] : {std::pair{"d_y", &a.d_y}, std::pair{"d_x", &a.d_x}}) {
        expect_shape(kOp, operand, *tensor, a.x.rows, a.x.cols);
        expect_dtype(kOp, operand, *tensor, a.x.dtype);
    }
    if (a.d_w) {
        expect_shape(kOp, "d_w", a.d_w, 1, a.w.cols);
        expect_dtype(kOp, "d_w", a.d_w, DType::kF32);
    }
    const OpCost cost = {.flops = (a.d_w ? 11.0 : 9.0) * static_cast<double>(a.x.count()),
                         .bytes = 4 * bytes(a.x) + bytes(a.w) + bytes(a.rstd) + bytes(a.d_w)};
    launch<llmft::RmsNormBackward>(kOp, cost,
                                   {.x = a.x.view(),
                                    .w = a.w.view(),
                                    .rstd = static_cast<float*>(a.rstd.data),
                                    .d_y = a.d_y.view(),
                                    .d_x = a.d_x.view(),
                                    .d_w = static_cast<float*>(a.d_w.data),
                                    .rows = a.x.rows,
                                    .groups = groups,
                                    .cols = a.w.cols},
                                   cpu::rmsnorm_backward, cuda::rmsnorm_backward, run);
}

}   // namespace llmft::ops
