#pragma once

#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline void rmsnorm_forward(const Matrix& x, const Matrix& w, double eps, Matrix& y, Matrix& rstd) {
    for (int64_t t = 0; t < x.rows; ++t) {
        double squares = 0.0;
        for (int64_t c = 0; c < x.cols; ++c) squares += x(t, c) * x(t, c);
        rstd[t] = 1.0 / std::sqrt(squares / static_cast<double>(x.cols) + eps);
        for (int64_t c = 0; c < x.cols; ++c) y(t, c) = w[c] * (x(t, c) * rstd[t]);
    }
}

inline void rmsnorm_backward(const Matrix& x, const Matrix& w, const Matrix& rstd, const Matrix& d_y, Matrix& d_x,
                             Matrix& d_w) {
    for (int64_t t = 0; t < x.rows; ++t) {
        double mean = 0.0;
        for (int64_t c = 0; c < x.cols; ++c) mean += w[c] * d_y(t, c) * x(t, c) * rstd[t] / static_cast<double>(x.cols);
        for (int64_t c = 0; c < x.cols; ++c) {
            const double normed = x(t, c) * rstd[t];
            d_x(t, c) += rstd[t] * (w[c] * d_y(t, c) - normed * mean);
            d_w[c] += d_y(t, c) * normed;
        }
    }
}

}   // namespace llmft::test::reference
