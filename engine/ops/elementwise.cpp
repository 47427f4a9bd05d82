#include "engine/ops/elementwise.h"

#include "engine/ops/launch.h"
#include "kernels/cast/cast.h"
#include "kernels/dropout/dropout.h"
#include "kernels/rows/rows.h"

namespace llmft::ops {

void cast(const Cast& a, Run& run) {
    constexpr const char* kOp = "cast";
    expect_float(kOp, "x", a.x);
    expect_float(kOp, "y", a.y);
    expect_shape(kOp, "y", a.y, a.x.rows, a.x.cols);
    launch<llmft::Cast>(kOp, {.flops = 0, .bytes = bytes(a.x) + bytes(a.y)},
                        {.x = a.x.view(), .y = a.y.view(), .rows = a.x.rows, .cols = a.x.cols, .scale = a.scale},
                        cpu::cast, cuda::cast, run);
}

void dropout(const Dropout& a, Run& run) {
    constexpr const char* kOp = "dropout";
    expect_float(kOp, "x", a.x);
    expect_shape(kOp, "y", a.y, a.x.rows, a.x.cols);
    expect_dtype(kOp, "y", a.y, a.x.dtype);
    for (const Tensor* key : {&a.example, &a.positions}) {
        expect_shape(kOp, "example or positions", *key, 1, a.x.rows);
        expect_dtype(kOp, "example or positions", *key, DType::kI32);
    }
    const double moves = a.out_mode == OutMode::kAccumulate ? 3 : 2;
    launch<llmft::Dropout>(kOp, {.flops = static_cast<double>(a.x.count()), .bytes = moves * bytes(a.x)},
                           {.x = a.x.view(),
                            .y = a.y.view(),
                            .example = static_cast<int32_t*>(a.example.data),
                            .positions = static_cast<int32_t*>(a.positions.data),
                            .rows = a.x.rows,
                            .cols = a.x.cols,
                            .probability = a.probability,
                            .seed = run.rng.seed,
                            .module = a.module,
                            .step = run.rng.step,
                            .out_mode = a.out_mode},
                           cpu::dropout, cuda::dropout, run);
}

namespace {

void move_rows(const char* op, const MoveRows& a, int64_t rows, void (*on_cpu)(const llmft::MoveRows&),
               void (*on_cuda)(const llmft::MoveRows&, StreamHandle), Run& run) {
    expect_shape(op, "index", a.index, 1, rows);
    expect_dtype(op, "index", a.index, DType::kI32);
    expect_shape(op, "y", a.y, a.y.rows, a.x.cols);
    expect_dtype(op, "y", a.y, a.x.dtype);
    const double moved = 2.0 * static_cast<double>(rows * a.x.cols * size_bytes(a.x.dtype));
    launch<llmft::MoveRows>(op, {.flops = 0, .bytes = moved + bytes(a.index)},
                            {.x = a.x.view(),
                             .y = a.y.view(),
                             .index = static_cast<int32_t*>(a.index.data),
                             .rows = rows,
                             .cols = a.x.cols},
                            on_cpu, on_cuda, run);
}

}   // namespace

void gather_rows(const MoveRows& a, Run& run) {
    move_rows("gather_rows", a, a.y.rows, cpu::gather_rows, cuda::gather_rows, run);
}
void scatter_rows(const MoveRows& a, Run& run) {
    move_rows("scatter_rows", a, a.x.rows, cpu::scatter_rows, cuda::scatter_rows, run);
}

}   // namespace llmft::ops
