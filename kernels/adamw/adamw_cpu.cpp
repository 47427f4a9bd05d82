#include "kernels/adamw/adamw.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

// By squaring, so that the bits are nobody's libm's.
double power(double base, int64_t exponent) {
    double result = 1.0;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if ((exponent & 1) != 0) result *= base;
    return result;
}

}   // namespace

void adamw_step(const AdamwStep& a) {
    if (!__builtin_isfinite(a.grad_scale[0])) return;
    const double correction1 = 1.0 - power(a.beta1, a.step);
    const double correction2 = 1.0 - power(a.beta2, a.step);
    const F32x16 scale = splat(a.grad_scale[0]);
    const F32x16 keep = splat(static_cast<float>(1.0 - a.lr * a.decay));
    const F32x16 beta1 = splat(static_cast<float>(a.beta1));
    const F32x16 beta2 = splat(static_cast<float>(a.beta2));
    const F32x16 rest1 = splat(static_cast<float>(1.0 - a.beta1));
    const F32x16 rest2 = splat(static_cast<float>(1.0 - a.beta2));
    const F32x16 root = splat(static_cast<float>(1.0 / __builtin_sqrt(correction2)));
    const F32x16 eps = splat(static_cast<float>(a.eps));
    const F32x16 minus_rate = splat(static_cast<float>(-a.lr / correction1));
    parallel_rows(a.count, kTaskElements, [&](int64_t first, int64_t last) {
        for_lanes(last - first, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA {
            const int64_t i = first + at;
            const F32x16 g = scale * load(a.grad + i, lanes);
            const F32x16 m = fma(beta1, load(a.m + i, lanes), rest1 * g);
            const F32x16 v = fma(beta2, load(a.v + i, lanes), rest2 * g * g);
            const F32x16 update = m / fma(sqrt(v), root, eps);
            store(a.m + i, m, lanes);
            store(a.v + i, v, lanes);
            store(a.param + i, fma(minus_rate, update, load(a.param + i, lanes) * keep), lanes);
        });
    });
}

void clip_scale(const ClipScale& a) {
    const double norm = a.inv_count * __builtin_sqrt(a.sum_squares[0]);
    const double ratio = a.max_norm > 0.0 ? a.max_norm / (norm + 1e-6) : 1.0;
    *a.norm = norm;
    *a.grad_scale =
        __builtin_isfinite(norm) ? static_cast<float>(a.inv_count * (ratio < 1.0 ? ratio : 1.0)) : __builtin_nanf("");
}

}   // namespace llmft::cpu::LLMFT_ISA
