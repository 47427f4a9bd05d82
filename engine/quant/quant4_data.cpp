#include "engine/quant/quant4_data.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/quant4/nested.h"

namespace llmft {
namespace {

constexpr int64_t kPieceElements = int64_t{1} << 22;   // read at a time: bounds the reader's scratch

// Floats of any alignment, aligned.
std::vector<float> floats(Bytes bytes) {
    std::vector<float> result(bytes.size() / sizeof(float));
    if (!result.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}

template <class T>
Bytes view_of(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
}

}   // namespace

int64_t quant4_code_bytes(int64_t count) {
    return (count + 1) / 2;
}

int64_t quant4_nested_blocks(int64_t blocks) {
    return (blocks + kNestedBlock - 1) / kNestedBlock;
}

void decode(const Quant4Data& w, int64_t first, int64_t rows, DType to, std::byte* y) {
    const bool nested = w.double_quant() == DoubleQuant::kYes;
    const std::vector<float> values = floats(w.values), nested_scales = floats(w.nested_scales),
                             nested_map = floats(w.nested_map),
                             scales = nested ? std::vector<float>() : floats(w.scales);
    cpu::quant4_decode({.codes = reinterpret_cast<const uint8_t*>(w.codes.data()),
                        .values = values.data(),
                        .scales = nested ? static_cast<const void*>(w.scales.data()) : scales.data(),
                        .nested_scales = nested ? nested_scales.data() : nullptr,
                        .nested_map = nested_map.data(),
                        .offset = &w.offset,
                        .block = w.block,
                        .encoded = w.encoded,
                        .first_row = first,
                        .y = {.data = y, .dtype = to, .ld = w.cols},
                        .rows = rows,
                        .cols = w.cols});
}

Quant4Buffers::Quant4Buffers(const Quant4Source& source, Keep keep) {
    shape_.kind = source.kind;
    shape_.encoded = source.encoded;
    shape_.rows = source.rows;
    shape_.cols = source.cols;
    const int64_t count = source.rows * source.cols, block = Quant4Data::kBlock;
    scales_.resize(static_cast<size_t>(shape_.blocks()));
    if (keep == Keep::kAll) codes_.resize(static_cast<size_t>(quant4_code_bytes(count)));
    // Rows that make whole blocks.
    const int64_t unit = block / std::gcd(source.cols, block);
    const int64_t step = std::max<int64_t>(1, kPieceElements / source.cols / unit) * unit;
    for (int64_t first = 0; first < source.rows; first += step) {
        const int64_t rows = std::min(step, source.rows - first), at = first * source.cols;
        cpu::quant4_encode({.x = source.read(first, rows),
                            .dtype = source.encoded,
                            .count = rows * source.cols,
                            .block = block,
                            .kind = source.kind,
                            .codes = codes_.empty() ? nullptr : codes_.data() + at / 2,
                            .scales = scales_.data() + at / block});
    }
    if (source.double_quant == DoubleQuant::kNo) return;
    scales8_.resize(scales_.size());
    nested_scales_.resize(static_cast<size_t>(quant4_nested_blocks(shape_.blocks())));
    shape_.offset = encode_nested({.scales = scales_.data(),
                                   .count = shape_.blocks(),
                                   .codes = scales8_.data(),
                                   .nested_scales = nested_scales_.data()});
    scales_ = {};
}

Quant4Data Quant4Buffers::data() const {
    Quant4Data result = shape_;
    result.codes = view_of(codes_);
    result.values = std::as_bytes(std::span(code_of(shape_.kind).value));
    result.scales = nested_scales_.empty() ? view_of(scales_) : view_of(scales8_);
    result.nested_scales = view_of(nested_scales_);
    if (!nested_scales_.empty()) result.nested_map = std::as_bytes(std::span(dynamic_map()));
    return result;
}

}   // namespace llmft
