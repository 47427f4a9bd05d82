#include "engine/core/tensor.h"

#include <fmt/format.h>

#include "kernels/base/half.h"

namespace llmft {
namespace {

template <class T>
constexpr DType kDTypeOf = DType::kU8;
template <>
constexpr DType kDTypeOf<float> = DType::kF32;
template <>
constexpr DType kDTypeOf<bf16> = DType::kBf16;
template <>
constexpr DType kDTypeOf<f16> = DType::kF16;
template <>
constexpr DType kDTypeOf<double> = DType::kF64;
template <>
constexpr DType kDTypeOf<int64_t> = DType::kI64;
template <>
constexpr DType kDTypeOf<int32_t> = DType::kI32;
template <>
constexpr DType kDTypeOf<int16_t> = DType::kI16;

void* offset(const Tensor& t, int64_t elements) {
    return static_cast<std::byte*>(t.data) + elements * size_bytes(t.dtype);
}

}   // namespace

const char* name(DeviceKind kind) {
    switch (kind) {
        case DeviceKind::kCpu: return "cpu";
        case DeviceKind::kDry: return "dry";
        case DeviceKind::kCuda: return "cuda";
        case DeviceKind::kSim: return "sim";
    }
    return "?";
}

Tensor Tensor::columns(int64_t first, int64_t count) const {
    if (first < 0 || count < 0 || first + count > ld)
        throw InternalError(
            fmt::format("columns {}..{} of {}: beyond its leading dimension", first, first + count, describe(*this)));
    Tensor part = *this;
    part.data = offset(*this, first);
    part.cols = count;
    return part;
}

Tensor Tensor::row_slice(int64_t first, int64_t count) const {
    if (first < 0 || count < 0 || first + count > rows)
        throw InternalError(fmt::format("rows {}..{} of {}: out of range", first, first + count, describe(*this)));
    Tensor part = *this;
    part.data = offset(*this, first * ld);
    part.rows = count;
    return part;
}

template <class T>
T* Tensor::as() const {
    if (dtype != kDTypeOf<T>)
        throw InternalError(fmt::format("{}: read as {}", describe(*this), llmft::name(kDTypeOf<T>)));
    return static_cast<T*>(data);
}
template float* Tensor::as<float>() const;
template bf16* Tensor::as<bf16>() const;
template f16* Tensor::as<f16>() const;
template double* Tensor::as<double>() const;
template int64_t* Tensor::as<int64_t>() const;
template int32_t* Tensor::as<int32_t>() const;
template int16_t* Tensor::as<int16_t>() const;

std::string describe(const Tensor& t) {
    std::string text = fmt::format("{} ({}, {})", t.name, t.rows, t.cols);
    if (t.ld != t.cols) text += fmt::format(" ld {}", t.ld);
    return text + " " + name(t.dtype);
}

}   // namespace llmft
