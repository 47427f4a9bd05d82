// The only list of element types in the project.
#pragma once

#include <cstdint>

#include "kernels/base/error.h"

namespace llmft {

enum class DType : uint8_t { kF32, kBf16, kF16, kF64, kI64, kI32, kI16, kU8 };

[[gnu::always_inline]] constexpr inline int64_t size_bytes(DType t) {
    switch (t) {
        case DType::kF64:
        case DType::kI64: return 8;
        case DType::kF32:
        case DType::kI32: return 4;
        case DType::kBf16:
        case DType::kF16:
        case DType::kI16: return 2;
        case DType::kU8: return 1;
    }
    return 0;
}

constexpr const char* name(DType t) {
    switch (t) {
        case DType::kF32: return "f32";
        case DType::kBf16: return "bf16";
        case DType::kF16: return "f16";
        case DType::kF64: return "f64";
        case DType::kI64: return "i64";
        case DType::kI32: return "i32";
        case DType::kI16: return "i16";
        case DType::kU8: return "u8";
    }
    return "?";
}

}   // namespace llmft
