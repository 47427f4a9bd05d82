#pragma once

#include <cmath>

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

struct AdamwHyper {
    double lr;
    double beta1;
    double beta2;
    double eps;
    double decay;
    double step;
};

inline void adamw_step(Matrix& p, const Matrix& grad, Matrix& m, Matrix& v, double scale, const AdamwHyper& h) {
    for (int64_t i = 0; i < p.cols; ++i) {
        const double g = scale * grad[i];
        p[i] *= 1.0 - h.lr * h.decay;
        m[i] = h.beta1 * m[i] + (1.0 - h.beta1) * g;
        v[i] = h.beta2 * v[i] + (1.0 - h.beta2) * g * g;
        const double first = m[i] / (1.0 - std::pow(h.beta1, h.step));
        const double second = v[i] / (1.0 - std::pow(h.beta2, h.step));
        p[i] -= h.lr * first / (std::sqrt(second) + h.eps);
    }
}

}   // namespace llmft::test::reference
