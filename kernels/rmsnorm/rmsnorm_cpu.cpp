#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/rmsnorm/rmsnorm.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

template <class X>
float reciprocal_rms(const X* x, int64_t cols, float eps) {
    const F32x16 squares = accumulate(cols, [&](F32x16 chain, int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
        const F32x16 v = load(x + c, lanes);
        return fma(v, v, chain);
    });
    return 1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(cols) + eps);
}

// Where group i of all rows stands: group i % G of row i / G.
template <class T, class Args>
LLMFT_SIMD T* group(const Args& a, const View& m, int64_t i) {
    if (a.groups == 1) return m.row<T>(i);
    return m.row<T>(i / a.groups) + i % a.groups * a.cols;
}

template <class X, class W, class Y>
void forward(const RmsNormForward& a) {
    const W* const w = a.w.row<const W>(0);
    parallel_rows(a.rows * a.groups, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const X* const x = group<const X>(a, a.x, i);
            Y* const y = group<Y>(a, a.y, i);
            a.rstd[i] = reciprocal_rms(x, a.cols, a.eps);
            const F32x16 rstd = splat(a.rstd[i]);
            for_lanes(a.cols, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                store(y + c, load(w + c, lanes) * rounded_to(y, load(x + c, lanes) * rstd), lanes);
            });
        }
    });
}

template <class X, class W, class Y>
void backward_x(const RmsNormBackward& a) {
    const W* const w = a.w.row<const W>(0);
    parallel_rows(a.rows * a.groups, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const X* const x = group<const X>(a, a.x, i);
            const Y* const d_y = group<const Y>(a, a.d_y, i);
            X* const d_x = group<X>(a, a.d_x, i);
            const F32x16 rstd = splat(a.rstd[i]);
            const F32x16 products = accumulate(a.cols, [&](F32x16 chain, int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                const F32x16 g = load(w + c, lanes) * load(d_y + c, lanes);
                return fma(g, load(x + c, lanes) * rstd, chain);
            });
            const F32x16 minus_mean = splat(-sum(products) / static_cast<float>(a.cols));
            for_lanes(a.cols, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                const F32x16 g = load(w + c, lanes) * load(d_y + c, lanes);
                const F32x16 centred = fma(load(x + c, lanes) * rstd, minus_mean, g);
                store(d_x + c, fma(rstd, centred, load(d_x + c, lanes)), lanes);
            });
        }
    });
}

// Adds groups [first, last) of d_y·x̂ to sixteen columns per vector. Their sum is made apart from d_w, so that over long
// runs the error grows with the groups of a block and the number of blocks, not with their product.
constexpr int64_t kBlock = 64;
constexpr int64_t kSlab = 64;   // columns that one task owns

template <class X, class Y>
void add_block(const RmsNormBackward& a, int64_t column, int64_t count, int64_t first, int64_t last) {
    F32x16 sums[kSlab / kLanes];
    for (F32x16& s : sums) s = zero();
    for (int64_t i = first; i < last; ++i) {
        const X* const x = group<const X>(a, a.x, i) + column;
        const Y* const d_y = group<const Y>(a, a.d_y, i) + column;
        const F32x16 rstd = splat(a.rstd[i]);
        for_lanes(count, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
            sums[c / kLanes] = fma(load(d_y + c, lanes), load(x + c, lanes) * rstd, sums[c / kLanes]);
        });
    }
    float* const d_w = a.d_w + column;
    for_lanes(count, [&](int64_t c, auto lanes)
                         LLMFT_SIMD_LAMBDA { store(d_w + c, load(d_w + c, lanes) + sums[c / kLanes], lanes); });
}

template <class X, class Y>
void backward_w(const RmsNormBackward& a) {
    parallel_rows(a.cols, kSlab, [&](int64_t column, int64_t end) {
        const int64_t count = a.rows * a.groups;
        for (int64_t i = 0; i < count; i += kBlock)
            add_block<X, Y>(a, column, end - column, i, i + kBlock < count ? i + kBlock : count);
    });
}

// Calls body with the element types of x, w and y.
template <class Body>
void with_types(const View& x, const View& w, const View& y, Body&& body) {
    with_element(x.dtype, [&](auto tx) {
        with_element(w.dtype, [&](auto tw) { with_element(y.dtype, [&](auto ty) { body(tx, tw, ty); }); });
    });
}

}   // namespace

void rmsnorm_forward(const RmsNormForward& a) {
    with_types(a.x, a.w, a.y, [&](auto x, auto w, auto y) {
        forward<typename decltype(x)::Type, typename decltype(w)::Type, typename decltype(y)::Type>(a);
    });
}

void rmsnorm_backward(const RmsNormBackward& a) {
    with_types(a.x, a.w, a.d_y, [&](auto x, auto w, auto y) {
        using X = typename decltype(x)::Type;
        using Y = typename decltype(y)::Type;
        backward_x<X, typename decltype(w)::Type, Y>(a);
        if (a.d_w != nullptr) backward_w<X, Y>(a);
    });
}

}   // namespace llmft::cpu::LLMFT_ISA
