#include "kernels/base/element.h"
#include "kernels/base/ln.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

// Columns summed in f32 before they are added to the double sum of the row.
constexpr int64_t kBlock = 4096;

template <class T>
float largest(const T* z, int64_t vocab) {
    F32x16 chain[4];
    for (F32x16& m : chain) m = splat(-__builtin_inff());
    int64_t v = 0;
    for (; v + 4 * kLanes <= vocab; v += 4 * kLanes)
        for (int i = 0; i < 4; ++i) chain[i] = max(load(z + v + i * kLanes), chain[i]);
    float m = max_of(max(max(chain[0], chain[1]), max(chain[2], chain[3])));
    for (; v < vocab; ++v) m = to_f32(z[v]) > m ? to_f32(z[v]) : m;
    return m;
}

// Σ exp(z − m). NaN where any logit is NaN.
template <class T>
double sum_of_exp(const T* z, int64_t vocab, float m) {
    const F32x16 shift = splat(m);
    double total = 0.0;
    for (int64_t v = 0; v < vocab; v += kBlock) {
        const int64_t count = v + kBlock < vocab ? kBlock : vocab - v;
        const int64_t whole = count - count % kLanes;
        F32x16 block = accumulate(whole, [&](F32x16 chain, int64_t c, auto lanes)
                                             LLMFT_SIMD_LAMBDA { return chain + exp(load(z + v + c, lanes) - shift); });
        total += sum(block);
        for (int64_t c = whole; c < count; ++c) total += exp(to_f32(z[v + c]) - m);
    }
    return total;
}

template <class T>
bool is_first_largest(const T* z, int64_t target, float m) {
    if (!(to_f32(z[target]) == m)) return false;
    for (int64_t v = 0; v < target; ++v)
        if (to_f32(z[v]) == m) return false;
    return true;
}

template <class T>
void write_gradient(T* z, int64_t vocab, int64_t target, float m, float scale, float weight) {
    const F32x16 shift = splat(m);
    const F32x16 factor = splat(scale * weight);
    const float at_target = (exp(to_f32(z[target]) - m) * scale - 1.0f) * weight;
    for_lanes(vocab, [&](int64_t v, auto lanes)
                         LLMFT_SIMD_LAMBDA { store(z + v, exp(load(z + v, lanes) - shift) * factor, lanes); });
    store(z + target, splat(at_target), SomeLanes{1});
}

template <class T>
void one_row(const CrossEntropy& a, int64_t row) {
    T* const z = a.logits.row<T>(row);
    const int64_t target = a.targets[row];
    if (target < 0) {
        a.loss[row] = 0.0f;
        a.correct[row] = 0;
        if (a.after == LogitsAfter::kGradient) __builtin_memset(z, 0, static_cast<size_t>(a.vocab) * sizeof(T));
        return;
    }
    const float m = largest(z, a.vocab);
    const double total = sum_of_exp(z, a.vocab, m);
    const double loss = ln(total) + (static_cast<double>(m) - static_cast<double>(to_f32(z[target])));
    a.loss[row] = static_cast<float>(loss);
    a.correct[row] = loss == loss && is_first_largest(z, target, m) ? 1 : 0;
    const float weight = a.d_logp ? -a.d_logp[row] : 1.0f;
    if (a.after == LogitsAfter::kGradient)
        write_gradient(z, a.vocab, target, m, static_cast<float>(1.0 / total), weight);
}

}   // namespace

void cross_entropy(const CrossEntropy& a) {
    with_element(a.logits.dtype, [&](auto type) {
        parallel_rows(a.rows, rows_per_task(a.vocab), [&](int64_t first, int64_t last) {
            for (int64_t row = first; row < last; ++row) one_row<typename decltype(type)::Type>(a, row);
        });
    });
}

}   // namespace llmft::cpu::LLMFT_ISA
