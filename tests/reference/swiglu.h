#pragma once

#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline double sigmoid(double g) {
    return 1.0 / (1.0 + std::exp(-g));
}

inline void swiglu_forward(const Matrix& gate, const Matrix& up, Matrix& y) {
    for (int64_t t = 0; t < gate.rows; ++t)
        for (int64_t c = 0; c < gate.cols; ++c) y(t, c) = gate(t, c) * sigmoid(gate(t, c)) * up(t, c);
}

inline void swiglu_backward(const Matrix& gate, const Matrix& up, const Matrix& d_y, Matrix& d_gate, Matrix& d_up) {
    for (int64_t t = 0; t < gate.rows; ++t)
        for (int64_t c = 0; c < gate.cols; ++c) {
            const double g = gate(t, c);
            const double s = sigmoid(g);
            const double d = d_y(t, c);
            const double d_g = d * up(t, c) * s * (1.0 + g * (1.0 - s));
            d_up(t, c) = d * g * s;
            d_gate(t, c) = d_g;
        }
}

}   // namespace llmft::test::reference
