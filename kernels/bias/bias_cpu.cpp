#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/bias/bias.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

template <class Y, class B>
void add(const AddBias& a) {
    const B* const bias = a.bias.row<const B>(0);
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            Y* const y = a.y.row<Y>(t);
            for_lanes(a.cols, [&](int64_t n, auto lanes) LLMFT_SIMD_LAMBDA {
                store(y + n, load(y + n, lanes) + load(bias + n, lanes), lanes);
            });
        }
    });
}

constexpr int64_t kRowBlock = 64;
constexpr int64_t kSlab = 64;   // columns that one task owns

// Adds rows [first, last) of `count` columns. Their sum is made apart from d_bias, so that over long runs the error
// grows with the rows of a block and the number of blocks, not with their product.
template <class Y>
void add_block(const BiasGradient& a, int64_t column, int64_t count, int64_t first, int64_t last) {
    F32x16 sums[kSlab / kLanes];
    for (F32x16& s : sums) s = zero();
    for (int64_t t = first; t < last; ++t) {
        const Y* const d_y = a.d_y.row<const Y>(t) + column;
        for_lanes(count, [&](int64_t n, auto lanes)
                             LLMFT_SIMD_LAMBDA { sums[n / kLanes] = sums[n / kLanes] + load(d_y + n, lanes); });
    }
    float* const d_bias = a.d_bias + column;
    for_lanes(count, [&](int64_t n, auto lanes) LLMFT_SIMD_LAMBDA {
        store(d_bias + n, fma(sums[n / kLanes], splat(a.scale), load(d_bias + n, lanes)), lanes);
    });
}

template <class Y>
void gradient(const BiasGradient& a) {
    parallel_rows(a.cols, kSlab, [&](int64_t column, int64_t end) {
        for (int64_t t = 0; t < a.rows; t += kRowBlock)
            add_block<Y>(a, column, end - column, t, t + kRowBlock < a.rows ? t + kRowBlock : a.rows);
    });
}

}   // namespace

void add_bias(const AddBias& a) {
    with_element(a.y.dtype, [&](auto y) {
        with_float(a.bias.dtype, [&](auto b) { add<typename decltype(y)::Type, typename decltype(b)::Type>(a); });
    });
}

void bias_gradient(const BiasGradient& a) {
    with_element(a.d_y.dtype, [&](auto y) { gradient<typename decltype(y)::Type>(a); });
}

}   // namespace llmft::cpu::LLMFT_ISA
