#include "engine/ops/launch.h"

#include <fmt/format.h>

namespace llmft::ops {

void expect_shape(const char* op, const char* operand, const Tensor& t, int64_t rows, int64_t cols) {
    if (t.rows != rows || t.cols != cols || t.ld < cols)
        throw InternalError(fmt::format("{}: {} is {}; it must be ({}, {})", op, operand, describe(t), rows, cols));
}

void expect_dtype(const char* op, const char* operand, const Tensor& t, DType dtype) {
    if (t.dtype != dtype)
        throw InternalError(fmt::format("{}: {} is {}; it must be {}", op, operand, describe(t), name(dtype)));
}

void expect_float(const char* op, const char* operand, const Tensor& t) {
    if (t.dtype != DType::kF32 && t.dtype != DType::kBf16 && t.dtype != DType::kF16)
        throw InternalError(fmt::format("{}: {} is {}; it must be f32, bf16 or f16", op, operand, describe(t)));
}

}   // namespace llmft::ops
