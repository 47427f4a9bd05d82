#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/dropout/dropout.h"
#include "kernels/dropout/philox_lanes.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

constexpr int64_t kBlock = 128;   // columns whose numbers are drawn together: sixteen counters

template <class X, class Y, OutMode kMode>
void one_row(const Dropout& a, int64_t t, int32_t threshold, F32x16 scale) {
    const X* const x = a.x.row<const X>(t);
    Y* const y = a.y.row<Y>(t);
    const PhiloxKey key{{a.seed, a.module}};
    const PhiloxCounter counter{
        {a.step, static_cast<uint32_t>(a.example[t]), static_cast<uint32_t>(a.positions[t]), 0}};
    const part::I limit = part::splat_int(threshold);
    uint16_t bits[kBlock];
    for (int64_t c = 0; c < a.cols; c += kBlock) {
        for (int64_t i = 0; i < kBlock / 8; i += kCounters)
            store_bits(bits + 8 * i, counter, static_cast<uint32_t>(c / 8 + i), key);
        const int64_t count = c + kBlock < a.cols ? kBlock : a.cols - c;
        for_lanes(count, [&](int64_t at, auto lanes) LLMFT_SIMD_LAMBDA {
            F32x16 v = load(x + c + at, lanes) * scale;
            for (int i = 0; i < kParts; ++i) {
                const part::M dropped = part::greater(limit, part::load_u16(bits + at + i * part::kLanes));
                v.part[i] = part::select(dropped, part::splat(0.0f), v.part[i]);
            }
            if constexpr (kMode == OutMode::kAccumulate) v = v + load(y + c + at, lanes);
            store(y + c + at, v, lanes);
        });
    }
}

template <class X, class Y, OutMode kMode>
void all_rows(const Dropout& a) {
    const double probability = static_cast<double>(a.probability);
    const auto threshold = static_cast<int32_t>(probability * 65536.0 + 0.5);
    const F32x16 scale = splat(static_cast<float>(1.0 / (1.0 - probability)));
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) one_row<X, Y, kMode>(a, t, threshold, scale);
    });
}

}   // namespace

void dropout(const Dropout& a) {
    with_element(a.x.dtype, [&](auto x) {
        with_element(a.y.dtype, [&](auto y) {
            using X = typename decltype(x)::Type;
            using Y = typename decltype(y)::Type;
            if (a.out_mode == OutMode::kAccumulate)
                all_rows<X, Y, OutMode::kAccumulate>(a);
            else
                all_rows<X, Y, OutMode::kOverwrite>(a);
        });
    });
}

}   // namespace llmft::cpu::LLMFT_ISA
