// C = op(A)·op(B)  (+ C)
#pragma once

#include "kernels/gemm/gemm.h"
#include "tests/harness/matrix.h"

namespace llmft::test {

struct GemmForm {
    Transpose a_op;
    Transpose b_op;
    OutMode out_mode;
};

inline void reference_gemm(const GemmForm& form, const Matrix& a, const Matrix& b, Matrix& c) {
    const int64_t depth = form.a_op == Transpose::kNo ? a.cols : a.rows;
    for (int64_t m = 0; m < c.rows; ++m) {
        for (int64_t n = 0; n < c.cols; ++n) {
            double sum = 0.0;
            for (int64_t k = 0; k < depth; ++k)
                sum += (form.a_op == Transpose::kNo ? a(m, k) : a(k, m)) *
                       (form.b_op == Transpose::kNo ? b(k, n) : b(n, k));
            c(m, n) = sum + (form.out_mode == OutMode::kAccumulate ? c(m, n) : 0.0);
        }
    }
}

}   // namespace llmft::test
