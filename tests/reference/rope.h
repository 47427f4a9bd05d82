#pragma once

#include <cmath>
#include <vector>

#include "kernels/rope/rope.h"
#include "tests/harness/matrix.h"

namespace llmft::test::reference {

// Frequencies that follow the document's length: the same formulas in float and double as transformers'.
inline float rope_frequency(const RopeLengths& by, const Matrix& inv_freq, int64_t length, int64_t i) {
    const bool is_long = by.rule != RopeLengths::Rule::kNone && length > by.original;
    if (!is_long || by.rule == RopeLengths::Rule::kTwoSets) return static_cast<float>(inv_freq(is_long ? 1 : 0, i));
    const auto width = static_cast<double>(2 * inv_freq.cols);
    const float stretch = by.factor * static_cast<float>(length) / static_cast<float>(by.original) - (by.factor - 1.0f);
    const double exponent = static_cast<float>(width / (width - 2.0));
    const float theta = by.theta * static_cast<float>(std::pow(double{stretch}, exponent));
    return 1.0f /
           static_cast<float>(std::pow(double{theta}, double{static_cast<float>(2 * i) / static_cast<float>(width)}));
}

// lengths[t]: tokens of the document of token t.
inline void rope_table(const Matrix& positions, const Matrix& inv_freq, double scaling, const RopeLengths& by,
                       const std::vector<int64_t>& lengths, Matrix& cos, Matrix& sin) {
    for (int64_t t = 0; t < cos.rows; ++t)
        for (int64_t i = 0; i < cos.cols; ++i) {
            const float inverse = rope_frequency(by, inv_freq, lengths[static_cast<size_t>(t)], i);
            const float angle = static_cast<float>(positions[t]) * inverse;
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
