#include "engine/ops/update.h"

#include "engine/ops/launch.h"
#include "kernels/adamw/adamw.h"
#include "kernels/reduce/reduce.h"

namespace llmft::ops {

void sum_squares(const SumSquares& a, Run& run) {
    constexpr const char* kOp = "sum_squares";
    expect_shape(kOp, "x", a.x, 1, a.x.cols);
    expect_dtype(kOp, "x", a.x, DType::kF32);
    expect_shape(kOp, "out", a.out, 1, 1);
    expect_dtype(kOp, "out", a.out, DType::kF64);
    const Arena::Mark scratch(run.arena);
    const Tensor partials =
        run.arena.take("sum_squares.partials", DType::kF64, 1, (a.x.cols + kReduceBlock - 1) / kReduceBlock);
    launch<llmft::SumSquares>(kOp, {.flops = 2.0 * static_cast<double>(a.x.count()), .bytes = bytes(a.x)},
                              {.x = static_cast<float*>(a.x.data),
                               .partials = static_cast<double*>(partials.data),
                               .out = static_cast<double*>(a.out.data),
                               .count = a.x.cols,
                               .out_mode = a.out_mode},
                              cpu::sum_squares, cuda::sum_squares, run);
}

void clip_scale(const ClipScale& a, Run& run) {
    constexpr const char* kOp = "clip_scale";
    expect_dtype(kOp, "sum_squares", a.sum_squares, DType::kF64);
    expect_dtype(kOp, "norm", a.norm, DType::kF64);
    expect_dtype(kOp, "grad_scale", a.grad_scale, DType::kF32);
    launch<llmft::ClipScale>(kOp, {.flops = 0, .bytes = 0},
                             {.sum_squares = static_cast<double*>(a.sum_squares.data),
                              .inv_count = a.inv_count,
                              .max_norm = a.max_norm,
                              .norm = static_cast<double*>(a.norm.data),
                              .grad_scale = static_cast<float*>(a.grad_scale.data)},
                             cpu::clip_scale, cuda::clip_scale, run);
}

void adamw_step(const AdamwStep& a, Run& run) {
    constexpr const char* kOp = "adamw_step";
    for (const Tensor* t : {&a.param, &a.grad, &a.m, &a.v}) {
        expect_shape(kOp, "param, grad, m or v", *t, 1, a.param.cols);
        expect_dtype(kOp, "param, grad, m or v", *t, DType::kF32);
    }
    expect_dtype(kOp, "grad_scale", a.grad_scale, DType::kF32);
    launch<llmft::AdamwStep>(kOp, {.flops = 15.0 * static_cast<double>(a.param.count()), .bytes = 7 * bytes(a.param)},
                             {.param = static_cast<float*>(a.param.data),
                              .grad = static_cast<float*>(a.grad.data),
                              .m = static_cast<float*>(a.m.data),
                              .v = static_cast<float*>(a.v.data),
                              .grad_scale = static_cast<float*>(a.grad_scale.data),
                              .count = a.param.cols,
                              .lr = a.lr,
                              .beta1 = a.beta1,
                              .beta2 = a.beta2,
                              .eps = a.eps,
                              .decay = a.decay,
                              .step = a.step},
                             cpu::adamw_step, cuda::adamw_step, run);
}

}   // namespace llmft::ops
