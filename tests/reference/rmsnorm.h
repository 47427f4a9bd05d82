#pragma once

#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

// A row of x is x.cols / w.cols groups.
inline void rmsnorm_forward(const Matrix& x, const Matrix& w, double eps, Matrix& y, Matrix& rstd) {
    const int64_t groups = x.cols / w.cols;
    for (int64_t i = 0; i < x.rows * groups; ++i) {
        const int64_t t = i / groups, first = i % groups * w.cols;
        double squares = 0.0;
        for (int64_t c = 0; c < w.cols; ++c) squares += x(t, first + c) * x(t, first + c);
        rstd[i] = 1.0 / std::sqrt(squares / static_cast<double>(w.cols) + eps);
        for (int64_t c = 0; c < w.cols; ++c) y(t, first + c) = w[c] * (x(t, first + c) * rstd[i]);
    }
}

inline void rmsnorm_backward(const Matrix& x, const Matrix& w, const Matrix& rstd, const Matrix& d_y, Matrix& d_x,
                             Matrix& d_w) {
    const int64_t groups = x.cols / w.cols;
    for (int64_t i = 0; i < x.rows * groups; ++i) {
        const int64_t t = i / groups, first = i % groups * w.cols;
        double sum = 0.0;
        for (int64_t c = 0; c < w.cols; ++c) sum += w[c] * d_y(t, first + c) * x(t, first + c) * rstd[i];
        const double mean = sum / static_cast<double>(w.cols);
        for (int64_t c = 0; c < w.cols; ++c) {
            const double normed = x(t, first + c) * rstd[i];
            d_x(t, first + c) += rstd[i] * (w[c] * d_y(t, first + c) - normed * mean);
            d_w[c] += d_y(t, first + c) * normed;
        }
    }
}

}   // namespace llmft::test::reference
