#pragma once

#include <algorithm>
#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

// d_logits may be `logits` itself. d_logp: per row; all −1 gives the gradient of the summed loss.
inline void cross_entropy(const Matrix& logits, const Matrix& targets, const Matrix& d_logp, Matrix& loss,
                          Matrix& correct, Matrix& d_logits) {
    for (int64_t q = 0; q < logits.rows; ++q) {
        const int64_t target = targets.index(q);
        double largest = -INFINITY;
        int64_t first = 0;
        for (int64_t v = 0; v < logits.cols; ++v)
            if (logits(q, v) > largest) largest = logits(q, first = v);
        double sum = 0.0;
        for (int64_t v = 0; v < logits.cols; ++v) sum += std::exp(logits(q, v) - largest);
        loss[q] = target < 0 ? 0.0 : std::log(sum) + largest - logits(q, target);
        correct[q] = target == first && !std::isnan(loss[q]) ? 1.0 : 0.0;
        for (int64_t v = 0; v < logits.cols; ++v) {
            const double p = std::exp(logits(q, v) - largest) / sum;
            d_logits(q, v) = target < 0 ? 0.0 : d_logp[q] * ((v == target ? 1.0 : 0.0) - p);
        }
    }
}

}   // namespace llmft::test::reference
