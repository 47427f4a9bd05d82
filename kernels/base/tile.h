// Products of small f32 blocks on one core, the inner part of GEMM and attention:  c += a·b  with K strictly in order
// for every element and one fma each, so that bits depend neither on the instruction set nor on how a larger product
// was cut.
//
// a is read in place (ByRow or ByColumn), b is packed into strips, c is a block with a leading dimension. Rows are
// padded to kRowPad and columns to kColumnPad: whoever owns the blocks has room for that much, and padding of a and b
// holds finite numbers, so that padding of c is harmless. Only for <op>_cpu.cpp; see kernels/base/simd.h.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {

// One tile of c fills the registers: 24 + 2 + 1 of 32 on v4, 12 + 2 + 1 of 16 below. Where one vector of columns is
// left, twice the rows do.
constexpr int kTileVectors = 2;
constexpr int kTileColumns = kTileVectors * part::kLanes;
constexpr int kTileRows = part::kLanes == 16 ? 12 : 6;
constexpr int kTailRows = kTileRows / 3;   // of the small tile that fills up
constexpr int64_t kRowPad = 12;            // enough for every instruction set
constexpr int64_t kColumnPad = 32;

constexpr int64_t padded(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

// Element (row, k) of a stands at row·kStep + k.
template <int64_t kStep>
struct ByRow {
    const float* data;
    LLMFT_SIMD ByRow from(int64_t row) const { return {data + row * kStep}; }
    LLMFT_SIMD float at(int64_t row, int64_t k) const { return data[row * kStep + k]; }
};
// Element (row, k) of a stands at k·kStep + row.
template <int64_t kStep>
struct ByColumn {
    const float* data;
    LLMFT_SIMD ByColumn from(int64_t row) const { return {data + row}; }
    LLMFT_SIMD float at(int64_t row, int64_t k) const { return data[k * kStep + row]; }
};

namespace tile {

// kIndex numbers the vectors of the tile, row after row; with constant indices alone they stay in registers.
template <int kVectors, class A, size_t... kIndex>
LLMFT_SIMD void multiply(int64_t k, A a, const float* b, float* c, int64_t c_ld, std::index_sequence<kIndex...>) {
    part::F sum[] = {part::load(c + (kIndex / kVectors) * c_ld + (kIndex % kVectors) * part::kLanes)...};
    for (int64_t p = 0; p < k; ++p, b += kTileColumns) {
        const part::F right[] = {part::load(b), part::load(b + (kVectors - 1) * part::kLanes)};
        ((sum[kIndex] = part::fma(part::splat(a.at(kIndex / kVectors, p)), right[kIndex % kVectors], sum[kIndex])),
         ...);
    }
    (part::store(c + (kIndex / kVectors) * c_ld + (kIndex % kVectors) * part::kLanes, sum[kIndex]), ...);
}

template <int kRows, int kVectors, class A>
[[gnu::noinline]] void multiply(int64_t k, A a, const float* b, float* c, int64_t c_ld) {
    multiply<kVectors>(k, a, b, c, c_ld, std::make_index_sequence<kRows * kVectors>());
}

// As many tiles of kRows as fit below `row`. Returns the first row that is left.
template <int kRows, int kVectors, class A>
LLMFT_SIMD int64_t multiply_rows(int64_t row, int64_t rows, int64_t k, A a, const float* b, float* c, int64_t c_ld) {
    for (; row + kRows <= rows; row += kRows) multiply<kRows, kVectors>(k, a.from(row), b, c + row * c_ld, c_ld);
    return row;
}

}   // namespace tile

// c (rows, columns) += a (rows, k) · b (k, columns). b lies in strips of kTileColumns columns, one after another, each
// k rows of kTileColumns.
template <class A>
LLMFT_SIMD void multiply_blocks(int64_t rows, int64_t columns, int64_t k, A a, const float* b, float* c, int64_t c_ld) {
    const int64_t rows_up = padded(rows, kTailRows);
    int64_t column = 0;
    for (; column + part::kLanes < columns; column += kTileColumns) {
        const int64_t row =
            tile::multiply_rows<kTileRows, kTileVectors>(0, rows_up, k, a, b + column * k, c + column, c_ld);
        tile::multiply_rows<kTailRows, kTileVectors>(row, rows_up, k, a, b + column * k, c + column, c_ld);
    }
    if (column >= columns) return;
    const int64_t row = tile::multiply_rows<2 * kTileRows, 1>(0, rows_up, k, a, b + column * k, c + column, c_ld);
    tile::multiply_rows<kTailRows, 1>(row, rows_up, k, a, b + column * k, c + column, c_ld);
}

// ---- packing: T is f32 or bf16, widened; padding becomes zero ----

// rows × columns of `from`, to rows of `step`, filled up with zeros to padded(columns, kLanes) and padded(rows,
// kRowPad).
template <class T>
LLMFT_SIMD void pack_rows(const T* from, int64_t ld, int64_t rows, int64_t columns, float* to, int64_t step) {
    for (int64_t row = 0; row < rows; ++row)
        for_lanes(columns, [&](int64_t at, auto lanes)
                               LLMFT_SIMD_LAMBDA { store(to + row * step + at, load(from + row * ld + at, lanes)); });
    for (int64_t row = rows; row < padded(rows, kRowPad); ++row)
        for (int64_t at = 0; at < columns; at += kLanes) store(to + row * step + at, zero());
}

// k × columns of `from` as strips, filled up with zeros to padded(columns, kColumnPad).
template <class T>
LLMFT_SIMD void pack_strips(const T* from, int64_t ld, int64_t k, int64_t columns, float* to) {
    const auto at = [&](int64_t p, int64_t column) {
        return to + column / kTileColumns * kTileColumns * k + p * kTileColumns + column % kTileColumns;
    };
    const auto put = [&](int64_t p, int64_t column, F32x16 x) LLMFT_SIMD_LAMBDA {
        for (int i = 0; i < kParts; ++i) part::store(at(p, column + i * part::kLanes), x.part[i]);
    };
    for (int64_t p = 0; p < k; ++p) {
        for_lanes(columns, [&](int64_t column, auto lanes)
                               LLMFT_SIMD_LAMBDA { put(p, column, load(from + p * ld + column, lanes)); });
        if (padded(columns, kLanes) < padded(columns, kColumnPad)) put(p, padded(columns, kLanes), zero());
    }
}

// Four rows of four, widened and turned: element (i, j) of the result is from[j·ld + i].
using Four = float __attribute__((vector_size(16)));
LLMFT_SIMD Four load4(const float* p) {
    Four r;
    __builtin_memcpy(&r, p, sizeof r);
    return r;
}
LLMFT_SIMD Four load4(const bf16* p) {
    typedef uint16_t Bits __attribute__((vector_size(8)));
    typedef uint32_t Wide __attribute__((vector_size(16)));
    Bits bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return reinterpret_cast<Four>(__builtin_convertvector(bits, Wide) << 16);
}
template <class T>
LLMFT_SIMD void transpose4(const T* from, int64_t ld, float* to, int64_t to_ld) {
    const Four a = load4(from), b = load4(from + ld), c = load4(from + 2 * ld), d = load4(from + 3 * ld);
    const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const Four rows[] = {
        __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
    for (int64_t i = 0; i < 4; ++i) __builtin_memcpy(to + i * to_ld, &rows[i], sizeof(Four));
}

// The same from the transposed: columns × k of `from`, one row for each column of b.
template <class T>
LLMFT_SIMD void pack_strips_transposed(const T* from, int64_t ld, int64_t k, int64_t columns, float* to) {
    for (int64_t first = 0; first < padded(columns, kColumnPad); first += kTileColumns) {
        float* strip = to + first * k;
        for (int64_t column = first; column < first + kTileColumns; column += 4) {
            float* corner = strip + column - first;
            int64_t p = 0;
            if (column + 4 <= columns)
                for (; p + 4 <= k; p += 4)
                    transpose4(from + column * ld + p, ld, corner + p * kTileColumns, kTileColumns);
            for (; p < k; ++p)
                for (int64_t i = 0; i < 4; ++i)
                    corner[p * kTileColumns + i] = column + i < columns ? to_f32(from[(column + i) * ld + p]) : 0.0f;
        }
    }
}

}   // namespace llmft::cpu::LLMFT_ISA
