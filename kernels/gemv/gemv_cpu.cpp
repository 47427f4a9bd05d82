// Tiles of kTileRows rows of W by one or kTileColumns rows of X: one vector of sums for each pair, whatever the tile.
#include "kernels/gemv/gemv.h"

#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kTileColumns = 4;

LLMFT_SIMD void set(float& y, float x) {
    y = x;
}
LLMFT_SIMD void set(bf16& y, float x) {
    y = to_bf16(x);
}

template <class Y>
LLMFT_SIMD void put(const Gemv& g, int64_t m, int64_t n, float dot) {
    Y& y = g.y.row<Y>(m)[n];
    set(y, g.out_mode == OutMode::kAccumulate ? to_f32(y) + dot : dot);
}

template <int rows, int columns, class T, class Y>
LLMFT_SIMD void tile(const Gemv& g, int64_t m, int64_t n) {
    const T *w[rows], *x[columns];
    for (int r = 0; r < rows; ++r) w[r] = g.w.row<const T>(n + r);
    for (int c = 0; c < columns; ++c) x[c] = g.x.row<const T>(m + c);
    F32x16 sums[rows][columns];
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) sums[r][c] = zero();
    for_lanes(g.k, [&](int64_t k, auto lanes) LLMFT_SIMD_LAMBDA {
        F32x16 from_x[columns];
        for (int c = 0; c < columns; ++c) from_x[c] = load(x[c] + k, lanes);
        for (int r = 0; r < rows; ++r) {
            const F32x16 from_w = load(w[r] + k, lanes);
            for (int c = 0; c < columns; ++c) sums[r][c] = fma(from_w, from_x[c], sums[r][c]);
        }
    });
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) put<Y>(g, m + c, n + r, sum(sums[r][c]));
}

template <int rows, class T, class Y>
void all_columns(const Gemv& g, int64_t n) {
    int64_t m = 0;
    for (; m + kTileColumns <= g.m; m += kTileColumns) tile<rows, kTileColumns, T, Y>(g, m, n);
    for (; m < g.m; ++m) tile<rows, 1, T, Y>(g, m, n);
}

template <class T, class Y>
void run(const Gemv& g) {
    const int64_t grain = (rows_per_task(g.k) + kTileRows - 1) / kTileRows * kTileRows;
    parallel_rows(g.n, grain, [&](int64_t first, int64_t last) {
        int64_t n = first;
        for (; n + kTileRows <= last; n += kTileRows) all_columns<kTileRows, T, Y>(g, n);
        for (; n < last; ++n) all_columns<1, T, Y>(g, n);
    });
}

}   // namespace

void gemv(const Gemv& g) {
    if (g.x.dtype == DType::kF32)
        run<float, float>(g);
    else if (g.y.dtype == DType::kF32)
        run<bf16, float>(g);
    else
        run<bf16, bf16>(g);
}

}   // namespace llmft::cpu::LLMFT_ISA
