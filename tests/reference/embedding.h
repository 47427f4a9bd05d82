#pragma once

#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline void embedding_forward(const Matrix& ids, const Matrix& table, Matrix& y) {
    for (int64_t t = 0; t < y.rows; ++t)
        for (int64_t c = 0; c < y.cols; ++c) y(t, c) = table(ids.index(t), c);
}

inline void embedding_backward(const Matrix& ids, const Matrix& d_y, Matrix& d_table) {
    for (int64_t t = 0; t < d_y.rows; ++t)
        for (int64_t c = 0; c < d_y.cols; ++c) d_table(ids.index(t), c) += d_y(t, c);
}

}   // namespace llmft::test::reference
