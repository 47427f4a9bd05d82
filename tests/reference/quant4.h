#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/base/dtype.h"
#include "kernels/base/half.h"
#include "kernels/quant4/codes.h"
#include "tests/harness/matrix.h"

namespace llmft::test::reference {

inline double rounded(double x, DType type) {
    const auto f = static_cast<float>(x);
    return type == DType::kBf16 ? to_f32(to_bf16(f)) : type == DType::kF16 ? to_f32(to_f16(f)) : f;
}

inline int64_t nibble(const Matrix& bytes, int64_t at) {
    return at % 2 == 0 ? bytes.index(at / 2) / 16 : bytes.index(at / 2) % 16;
}

inline double nested_scale(const Matrix& codes, const Matrix& nested_scales, const Matrix& map, double offset,
                           int64_t b) {
    return rounded(rounded(map[codes.index(b)] * nested_scales[b / 256], DType::kF32) + offset, DType::kF32);
}

inline void quant4_decode(const Matrix& codes, const Matrix& values, const Matrix& scales, int64_t block, DType encoded,
                          DType to, Matrix& y) {
    for (int64_t i = 0; i < y.rows * y.cols; ++i) {
        const double product = values[nibble(codes, i)] * scales[i / block];   // exact
        y[i] = rounded(rounded(rounded(product, DType::kF32), encoded), to);
    }
}

// One value in [−1, 1]: the highest code, by value, whose lower neighbour's midpoint lies below x.
inline int64_t code_of_value(Quant4 kind, double x) {
    const Quant4Code& code = llmft::code_of(kind);
    int64_t rank = 0;
    for (int k = 0; k < 15; ++k)
        rank += rounded((double{code.value[code.by_rank[k]]} + double{code.value[code.by_rank[k + 1]]}) / 2,
                        DType::kF32) < x;
    return code.by_rank[rank];
}

inline void quant4_encode(const Matrix& x, Quant4 kind, int64_t block, Matrix& codes, Matrix& scales) {
    const int64_t count = x.rows * x.cols;
    std::fill(codes.values.begin(), codes.values.end(), 0.0);
    for (int64_t b = 0; b * block < count; ++b) {
        const int64_t end = std::min(count, (b + 1) * block);
        double most = 0;
        for (int64_t i = b * block; i < end; ++i) most = std::max(most, std::fabs(x[i]));
        const bool whole = end == (b + 1) * block;
        const double safe = std::max(most, double{1e-38f});
        scales[b] = whole ? most : safe;
        for (int64_t i = b * block; i < end + end % 2; ++i) {
            const double element = i < end ? x[i] : 0.0;   // an odd count ends with a 0
            const double scaled = whole ? element * rounded(1 / safe, DType::kF32) : element / safe;
            const double code = static_cast<double>(code_of_value(kind, rounded(scaled, DType::kF32)));
            codes[i / 2] += i % 2 == 0 ? 16 * code : code;
        }
    }
}

}   // namespace llmft::test::reference
