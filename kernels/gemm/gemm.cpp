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

// Where cutting pays, measured with oneDNN 2.6 on two AVX-512 processors at a model's shapes. Panels of 256 rows × all
// columns cost what one piece costs, 128 rows up to 5 % more; panels of some columns up to 15 %, so columns are cut
// only where rows cannot keep a few threads busy.
constexpr int64_t kPanelRows = 256;
constexpr int64_t kFewRows = 128;             // rows of a panel where 256 would leave fewer than kRowPanels
constexpr int64_t kRowPanels = 8;             // from here on columns stay whole
constexpr int64_t kPanelColumns = 128;        // at least
constexpr int64_t kPanelProducts = 1 << 23;   // multiplications that are worth a task: about 50 us
constexpr int64_t kPanels = 64;               // enough for any machine
constexpr int64_t kGrain = 64;                // panel sides are whole blocks of the engines' kernels

struct Cut {
    int64_t rows, columns;
};

constexpr int64_t parts(int64_t whole, int64_t part) {
    return (whole + part - 1) / part;
}

Cut cut(int64_t m, int64_t n, int64_t k) {
    const int64_t wanted = std::min(kPanels, m * n * k / kPanelProducts);
    if (wanted <= 1) return {m, n};
    int64_t rows = m;
    if (m > kPanelRows) {
        const int64_t usual = m >= kRowPanels * kPanelRows ? kPanelRows : kFewRows;
        rows = std::max(usual, parts(parts(m, wanted), kGrain) * kGrain);
    }
    const int64_t row_panels = parts(m, rows);
    if (row_panels >= kRowPanels) return {rows, n};
    const int64_t column_panels = std::clamp(n / kPanelColumns, int64_t{1}, parts(wanted, row_panels));
    return {rows, parts(parts(n, column_panels), kGrain) * kGrain};
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
