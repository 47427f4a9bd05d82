#include "kernels/base/parallel.h"
#include "kernels/rows/rows.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

char* row_at(const View& m, int64_t r) {
    return static_cast<char*>(m.data) + r * m.ld * size_bytes(m.dtype);
}

}   // namespace

void gather_rows(const MoveRows& a) {
    const auto size = static_cast<size_t>(a.cols * size_bytes(a.x.dtype));
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            if (a.index[i] < 0)
                __builtin_memset(row_at(a.y, i), 0, size);
            else
                __builtin_memcpy(row_at(a.y, i), row_at(a.x, a.index[i]), size);
        }
    });
}

void scatter_rows(const MoveRows& a) {
    const auto size = static_cast<size_t>(a.cols * size_bytes(a.x.dtype));
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
            if (a.index[i] >= 0) __builtin_memcpy(row_at(a.y, a.index[i]), row_at(a.x, i), size);
    });
}

}   // namespace llmft::cpu::LLMFT_ISA
