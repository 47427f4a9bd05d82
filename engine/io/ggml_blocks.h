// GGML's tensor types: plain elements, or blocks of numbers quantised along a row. Layouts and formulas: ggml
// (ggml-common.h and dequantize_row_* of ggml-quants.c), as the Python package gguf 0.19 computes them: f32 arithmetic,
// every product and sum rounded, so that the decoded bits are equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/base/dtype.h"

namespace llmft {

struct GgmlType {
    uint32_t id;   // in files
    std::string_view name;
    int64_t block_elements;   // 1: a plain type; rows hold whole blocks
    int64_t block_bytes;
    DType rows;   // of decoded rows: a plain type's own, else f32
    // `blocks` blocks of any alignment → f32; null for plain types.
    void (*decode)(const std::byte* from, int64_t blocks, float* to);
};

// Null for a type that llmft does not read.
const GgmlType* ggml_type(uint32_t id);
// "IQ2_XS", "type 77": how an error calls any type.
std::string ggml_type_name(uint32_t id);

}   // namespace llmft
