#include "engine/ops/embedding.h"

#include "engine/ops/launch.h"
#include "kernels/embedding/embedding.h"

namespace llmft::ops {

void embedding_forward(const EmbeddingForward& a, Run& run) {
    constexpr const char* kOp = "embedding_forward";
    expect_dtype(kOp, "ids", a.ids, DType::kI32);
    expect_shape(kOp, "ids", a.ids, 1, a.y.rows);
    expect_shape(kOp, "table", a.table, a.table.rows, a.y.cols);
    expect_dtype(kOp, "y", a.y, a.table.dtype);
    launch<llmft::EmbeddingForward>(kOp, {.flops = 0, .bytes = 2 * bytes(a.y) + bytes(a.ids)},
                                    {.ids = static_cast<int32_t*>(a.ids.data),
                                     .table = a.table.view(),
                                     .y = a.y.view(),
                                     .tokens = a.y.rows,
                                     .cols = a.y.cols},
                                    cpu::embedding_forward, cuda::embedding_forward, run);
}

void embedding_backward(const EmbeddingBackward& a, Run& run) {
    constexpr const char* kOp = "embedding_backward";
    expect_dtype(kOp, "ids", a.ids, DType::kI32);
    expect_shape(kOp, "ids", a.ids, 1, a.d_y.rows);
    expect_shape(kOp, "d_table", a.d_table, a.d_table.rows, a.d_y.cols);
    expect_dtype(kOp, "d_table", a.d_table, DType::kF32);
    const auto elements = static_cast<double>(a.d_y.count());
    launch<llmft::EmbeddingBackward>(kOp, {.flops = elements, .bytes = bytes(a.d_y) + 8 * elements + bytes(a.ids)},
                                     {.ids = static_cast<int32_t*>(a.ids.data),
                                      .d_y = a.d_y.view(),
                                      .d_table = a.d_table.view(),
                                      .tokens = a.d_y.rows,
                                      .cols = a.d_y.cols},
                                     cpu::embedding_backward, cuda::embedding_backward, run);
}

}   // namespace llmft::ops
