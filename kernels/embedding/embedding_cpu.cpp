#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/base/simd.h"
#include "kernels/embedding/embedding.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

// Columns that one task of the backward owns. Within them it takes all tokens in order.
constexpr int64_t kSlab = 128;

template <class From, class To>
void copy_rows(const EmbeddingForward& a) {
    parallel_rows(a.tokens, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            const From* const from = a.table.row<const From>(a.ids[t]);
            To* const to = a.y.row<To>(t);
            for_lanes(a.cols,
                      [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA { store(to + c, load(from + c, lanes), lanes); });
        }
    });
}

template <class T>
void add_rows(const EmbeddingBackward& a) {
    parallel_rows(a.cols, kSlab, [&](int64_t first, int64_t last) {
        for (int64_t t = 0; t < a.tokens; ++t) {
            const T* const from = a.d_y.row<const T>(t) + first;
            float* const to = a.d_table.row<float>(a.ids[t]) + first;
            for_lanes(last - first, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
                store(to + c, load(to + c, lanes) + load(from + c, lanes), lanes);
            });
        }
    });
}

}   // namespace

void embedding_forward(const EmbeddingForward& a) {
    with_element(a.table.dtype, [&](auto table) {
        with_element(a.y.dtype,
                     [&](auto y) { copy_rows<typename decltype(table)::Type, typename decltype(y)::Type>(a); });
    });
}

void embedding_backward(const EmbeddingBackward& a) {
    with_element(a.d_y.dtype, [&](auto d_y) { add_rows<typename decltype(d_y)::Type>(a); });
}

}   // namespace llmft::cpu::LLMFT_ISA
