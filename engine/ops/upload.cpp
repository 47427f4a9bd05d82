#include "engine/ops/upload.h"

#include <algorithm>
#include <vector>

#include "kernels/cast/cast.h"

namespace llmft::ops {
namespace {

constexpr int64_t kPieceElements = int64_t{1} << 22;   // converted at a time: bounds the host's scratch

// Calls body(first_row, rows) for pieces of t.
template <class Body>
void for_pieces(const Tensor& t, Body&& body) {
    const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, t.cols));
    for (int64_t first = 0; first < t.rows; first += step) body(first, std::min(step, t.rows - first));
}

}   // namespace

void upload_converted(const Tensor& dst, const void* host, DType dtype, Run& run) {
    if (run.device.kind() == DeviceKind::kDry) return;
    std::vector<std::byte> piece;
    for_pieces(dst, [&](int64_t first, int64_t rows) {
        const auto* from = static_cast<const std::byte*>(host) + first * dst.cols * size_bytes(dtype);
        const void* converted = from;
        if (dtype != dst.dtype) {
            piece.resize(static_cast<size_t>(rows * dst.cols * size_bytes(dst.dtype)));
            cpu::cast({.x = {.data = const_cast<std::byte*>(from), .dtype = dtype, .ld = dst.cols},
                       .y = {.data = piece.data(), .dtype = dst.dtype, .ld = dst.cols},
                       .rows = rows,
                       .cols = dst.cols,
                       .scale = 1});
            converted = piece.data();
        }
        run.device.upload(dst.row_slice(first, rows), converted, run.stream);
        run.device.synchronize(run.stream);
    });
}

void convert(void* to, DType to_dtype, const void* from, DType from_dtype, int64_t count) {
    constexpr int64_t kRow = 4096;   // rows are what threads share
    const auto cast = [&](int64_t first, int64_t rows, int64_t cols) {
        auto* y = static_cast<std::byte*>(to) + first * size_bytes(to_dtype);
        const auto* x = static_cast<const std::byte*>(from) + first * size_bytes(from_dtype);
        cpu::cast({.x = {.data = const_cast<std::byte*>(x), .dtype = from_dtype, .ld = cols},
                   .y = {.data = y, .dtype = to_dtype, .ld = cols},
                   .rows = rows,
                   .cols = cols,
                   .scale = 1});
    };
    cast(0, count / kRow, kRow);
    cast(count / kRow * kRow, 1, count % kRow);
}

std::vector<float> converted_to_f32(const void* host, DType dtype, int64_t count) {
    std::vector<float> result(static_cast<size_t>(count));
    convert(result.data(), DType::kF32, host, dtype, count);
    return result;
}

void download_converted(void* host, DType dtype, const Tensor& src, Run& run) {
    std::vector<std::byte> piece;
    for_pieces(src, [&](int64_t first, int64_t rows) {
        auto* to = static_cast<std::byte*>(host) + first * src.cols * size_bytes(dtype);
        if (src.dtype == dtype) return run.device.download(to, src.row_slice(first, rows), run.stream);
        piece.resize(static_cast<size_t>(rows * src.cols * size_bytes(src.dtype)));
        run.device.download(piece.data(), src.row_slice(first, rows), run.stream);
        cpu::cast({.x = {.data = piece.data(), .dtype = src.dtype, .ld = src.cols},
                   .y = {.data = to, .dtype = dtype, .ld = src.cols},
                   .rows = rows,
                   .cols = src.cols,
                   .scale = 1});
    });
}

}   // namespace llmft::ops
