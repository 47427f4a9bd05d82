// cpu::gemm: cuts M×N into panels and hands each to the engine. How a product is cut is part of its result's bits with
// oneDNN, so everything here is a function of (m, n, k) alone.
#include "kernels/gemm/gemm.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "kernels/base/parallel.h"
#include "kernels/gemm/gemm_onednn.h"
#include "kernels/gemm/gemm_portable.h"

namespace llmft::cpu {
namespace {

// Where cutting pays, measured with oneDNN 2.6 on two AVX-512 processors at a model's shapes. Panels of 256 rows cost
// what one piece costs, while 128 rows cost up to a quarter more (a transposed B is packed again for every panel).
// Panels of some columns cost up to 8 %, so columns are cut only where rows cannot keep a few threads busy.
constexpr int64_t kPanelRows = 256;
constexpr int64_t kPanelColumns = 192;        // at least
constexpr int64_t kPanelProducts = 1 << 23;   // multiplications that are worth a task: about 50 us
constexpr int64_t kFewPanels = 8;             // as many of rows alone, and columns stay whole
constexpr int64_t kManyPanels = 64;           // of columns, where there is one panel of rows
constexpr int64_t kGrain = 64;                // panel sides are whole blocks of the engines' kernels

struct Cut {
    int64_t rows, columns;
};

constexpr int64_t parts(int64_t whole, int64_t part) {
    return (whole + part - 1) / part;
}

int64_t even_part(int64_t whole, int64_t count) {
    return parts(parts(whole, count), kGrain) * kGrain;
}

Cut cut(int64_t m, int64_t n, int64_t k) {
    const int64_t wanted = std::min(kManyPanels, m * n * k / kPanelProducts);
    if (wanted <= 1) return {m, n};
    const int64_t rows = std::max(even_part(m, parts(m, kPanelRows)), even_part(m, wanted));
    const int64_t row_panels = parts(m, rows);
    const int64_t useful = row_panels == 1 ? wanted : std::min(wanted, kFewPanels);
    const int64_t column_panels = std::clamp(n / kPanelColumns, int64_t{1}, parts(useful, row_panels));
    return {rows, column_panels == 1 ? n : even_part(n, column_panels)};
}

View shifted(const View& v, int64_t row, int64_t column) {
    return {static_cast<char*>(v.data) + (row * v.ld + column) * size_bytes(v.dtype), v.dtype, v.ld};
}

// The panel of C that starts at (row, column), and what of A and B it needs.
Gemm panel(const Gemm& g, const Cut& size, int64_t row, int64_t column) {
    Gemm p = g;
    p.a = g.a_op == Transpose::kNo ? shifted(g.a, row, 0) : shifted(g.a, 0, row);
    p.b = g.b_op == Transpose::kNo ? shifted(g.b, 0, column) : shifted(g.b, column, 0);
    p.c = shifted(g.c, row, column);
    p.m = std::min(size.rows, g.m - row);
    p.n = std::min(size.columns, g.n - column);
    return p;
}

}   // namespace

void gemm(const Gemm& g) {
    if (g.m == 0 || g.n == 0) return;
    const auto run = g.engine == GemmEngine::kOneDnn ? gemm_onednn : gemm_portable;
    const Cut size = cut(g.m, g.n, g.k);
    const int64_t across = parts(g.n, size.columns);
    std::mutex lock;
    std::exception_ptr failure;   // tasks must not throw
    parallel_for(parts(g.m, size.rows) * across, [&](int64_t task) {
        try {
            run(panel(g, size, task / across * size.rows, task % across * size.columns));
        } catch (...) {
            const std::lock_guard guard(lock);
            failure = std::current_exception();
        }
    });
    if (failure) std::rethrow_exception(failure);
}

bool gemm_has(GemmEngine engine, DType t) {
    if (engine == GemmEngine::kOneDnn) return gemm_onednn_has(t);
    return t == DType::kF32 || t == DType::kBf16;
}

}   // namespace llmft::cpu
