#pragma once

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline void add_bias(Matrix& y, const Matrix& bias) {
    for (int64_t t = 0; t < y.rows; ++t)
        for (int64_t n = 0; n < y.cols; ++n) y(t, n) += bias[n];
}

inline void bias_gradient(const Matrix& d_y, Matrix& d_bias, double scale) {
    for (int64_t t = 0; t < d_y.rows; ++t)
        for (int64_t n = 0; n < d_y.cols; ++n) d_bias[n] += scale * d_y(t, n);
}

}   // namespace llmft::test::reference
