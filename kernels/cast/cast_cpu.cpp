#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/cast/cast.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

template <class From, class To>
void convert(const Cast& a) {
    const F32x16 scale = splat(a.scale);
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) {
            const From* const x = a.x.row<const From>(r);
            To* const y = a.y.row<To>(r);
            for_lanes(a.cols, [&](int64_t c, auto lanes)
                                  LLMFT_SIMD_LAMBDA { store(y + c, load(x + c, lanes) * scale, lanes); });
        }
    });
}

void copy(const Cast& a) {
    const int64_t size = size_bytes(a.x.dtype);
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r)
            __builtin_memmove(a.y.row<char>(0) + r * a.y.ld * size, a.x.row<const char>(0) + r * a.x.ld * size,
                              static_cast<size_t>(a.cols * size));
    });
}

}   // namespace

void cast(const Cast& a) {
    if (a.x.dtype == a.y.dtype && a.scale == 1.0f) return copy(a);
    with_float(a.x.dtype, [&](auto x) {
        with_float(a.y.dtype, [&](auto y) { convert<typename decltype(x)::Type, typename decltype(y)::Type>(a); });
    });
}

}   // namespace llmft::cpu::LLMFT_ISA
