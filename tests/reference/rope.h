#pragma once

#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline void rope_table(const Matrix& positions, const Matrix& inv_freq, double scaling, Matrix& cos, Matrix& sin) {
    for (int64_t t = 0; t < cos.rows; ++t)
        for (int64_t i = 0; i < cos.cols; ++i) {
            const float angle = static_cast<float>(positions[t]) * static_cast<float>(inv_freq[i]);
            cos(t, i) = std::cos(static_cast<double>(angle)) * scaling;
            sin(t, i) = std::sin(static_cast<double>(angle)) * scaling;
        }
}

// sign is 1 forward, −1 backward.
inline void rope_apply(Matrix& x, const Matrix& cos, const Matrix& sin, int64_t heads, double sign) {
    const int64_t half = cos.cols;
    for (int64_t t = 0; t < x.rows; ++t)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < half; ++i) {
                double& low = x(t, 2 * h * half + i);
                double& high = x(t, 2 * h * half + half + i);
                const double a = low;
                const double b = high;
                low = a * cos(t, i) - b * sin(t, i) * sign;
                high = b * cos(t, i) + a * sin(t, i) * sign;
            }
}

}   // namespace llmft::test::reference
