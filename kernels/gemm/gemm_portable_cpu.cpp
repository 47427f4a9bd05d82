// Blocks of C of kRows × kColumns are summed in f32 on the stack, kDepth of K after the other, from packed blocks of A
// and B. However M, N and K are cut, an element of C is one chain of fma over K in order.
#include "kernels/base/isa.h"
#include "kernels/base/tile.h"
#include "kernels/gemm/gemm_portable.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

constexpr int64_t kRows = 264;
constexpr int64_t kColumns = 256;
constexpr int64_t kDepth = 256;
constexpr int64_t kARows = 96;            // rows of A that are packed at a time: they stay in the second-level cache
constexpr int64_t kAStep = kDepth + 16;   // not a power of two: rows would share cache sets
constexpr int64_t kCStep = kColumns + 16;

static_assert(padded(kDepth, kRowPad) <= kAStep);   // A by column
static_assert(kRows % kRowPad == 0 && kARows % kRowPad == 0 && kColumns % kColumnPad == 0);

struct Blocks {
    alignas(64) float a[kARows * kAStep];   // by row, or by column with kARows from one k to the next
    alignas(64) float b[kDepth * kColumns];
    alignas(64) float c[kRows * kCStep];
};

constexpr int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

template <class T>
void pack_b(const Gemm& g, int64_t k, int64_t depth, int64_t column, int64_t columns, float* to) {
    if (g.b_op == Transpose::kNo)
        pack_strips(g.b.row<const T>(k) + column, g.b.ld, depth, columns, to);
    else
        pack_strips_transposed(g.b.row<const T>(column) + k, g.b.ld, depth, columns, to);
}

template <class T>
void multiply_a(const Gemm& g, int64_t row, int64_t rows, int64_t k, int64_t depth, int64_t columns, Blocks& blocks,
                float* c) {
    if (g.a_op == Transpose::kNo) {
        pack_rows(g.a.row<const T>(row) + k, g.a.ld, rows, depth, blocks.a, kAStep);
        multiply_blocks(rows, columns, depth, ByRow<kAStep>{blocks.a}, blocks.b, c, kCStep);
    } else {
        pack_rows(g.a.row<const T>(k) + row, g.a.ld, depth, rows, blocks.a, kARows);
        multiply_blocks(rows, columns, depth, ByColumn<kARows>{blocks.a}, blocks.b, c, kCStep);
    }
}

template <class T>
void finish(const Gemm& g, const float* sums, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    for (int64_t r = 0; r < rows; ++r) {
        T* const c = g.c.row<T>(row + r) + column;
        const float* const sum = sums + r * kCStep;
        for_lanes(columns, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA {
            F32x16 x = load(sum + at);
            if (g.out_mode == OutMode::kAccumulate) x = x + load(c + at, lanes);
            store(c + at, x, lanes);
        });
    }
}

template <class T>
void block(const Gemm& g, int64_t row, int64_t rows, int64_t column, int64_t columns, Blocks& blocks) {
    for (int64_t i = 0; i < padded(rows, kRowPad) * kCStep; i += kLanes) store(blocks.c + i, zero());
    for (int64_t k = 0; k < g.k; k += kDepth) {
        const int64_t depth = smaller(kDepth, g.k - k);
        pack_b<T>(g, k, depth, column, columns, blocks.b);
        for (int64_t r = 0; r < rows; r += kARows)
            multiply_a<T>(g, row + r, smaller(kARows, rows - r), k, depth, columns, blocks, blocks.c + r * kCStep);
    }
    if (g.c.dtype == DType::kF32)
        finish<float>(g, blocks.c, row, rows, column, columns);
    else
        finish<bf16>(g, blocks.c, row, rows, column, columns);
}

}   // namespace

void gemm_portable(const Gemm& g) {
    Blocks blocks;
    const auto run = g.a.dtype == DType::kF32 ? block<float> : block<bf16>;
    for (int64_t column = 0; column < g.n; column += kColumns)
        for (int64_t row = 0; row < g.m; row += kRows)
            run(g, row, smaller(kRows, g.m - row), column, smaller(kColumns, g.n - column), blocks);
}

}   // namespace llmft::cpu::LLMFT_ISA
