#include "kernels/base/parallel.h"
#include "kernels/reduce/reduce.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

constexpr int64_t kChains = 32;   // independent sums; the compiler makes vectors of them, in the order written here
constexpr int64_t kBlocksPerTask = 8;

double block_sum(const float* x, int64_t count) {
    double chain[kChains] = {};
    int64_t i = 0;
    for (; i + kChains <= count; i += kChains)
        for (int64_t j = 0; j < kChains; ++j) {
            const double v = x[i + j];
            chain[j] += v * v;
        }
    for (int64_t j = 0; i + j < count; ++j) {
        const double v = x[i + j];
        chain[j] += v * v;
    }
    for (int64_t width = kChains / 2; width >= 1; width /= 2)
        for (int64_t j = 0; j < width; ++j) chain[j] += chain[j + width];
    return chain[0];
}

}   // namespace

void sum_squares(const SumSquares& a) {
    const int64_t blocks = (a.count + kReduceBlock - 1) / kReduceBlock;
    parallel_rows(blocks, kBlocksPerTask, [&](int64_t first, int64_t last) {
        for (int64_t b = first; b < last; ++b) {
            const int64_t at = b * kReduceBlock;
            a.partials[b] = block_sum(a.x + at, at + kReduceBlock < a.count ? kReduceBlock : a.count - at);
        }
    });
    double total = 0.0;
    for (int64_t b = 0; b < blocks; ++b) total += a.partials[b];
    *a.out = a.out_mode == OutMode::kAccumulate ? *a.out + total : total;
}

void loss_sums(const LossSums& a) {
    double loss = 0.0;
    int64_t correct = 0;
    for (int64_t row = 0; row < a.rows; ++row) {
        loss += static_cast<double>(a.loss[row]);
        correct += a.correct[row];
    }
    a.sums[0] += loss;
    a.sums[1] += static_cast<double>(correct);
}

}   // namespace llmft::cpu::LLMFT_ISA
