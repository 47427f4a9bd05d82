#pragma once

#include <cmath>

#include "kernels/base/philox.h"
#include "tests/harness/matrix.h"

namespace llmft::test::reference {

struct DropoutKey {
    double probability;
    uint32_t seed;
    uint32_t module;
    uint32_t step;
};

// y = keep·x/(1 − p); y may be x.
inline void dropout(const Matrix& x, const Matrix& example, const Matrix& positions, const DropoutKey& k, Matrix& y) {
    const double threshold = std::round(k.probability * 65536.0);
    for (int64_t t = 0; t < x.rows; ++t)
        for (int64_t c = 0; c < x.cols; ++c) {
            const PhiloxCounter words =
                philox4x32_10({{k.step, static_cast<uint32_t>(example.index(t)),
                                static_cast<uint32_t>(positions.index(t)), static_cast<uint32_t>(c / 8)}},
                              {{k.seed, k.module}});
            const uint32_t bits = words.word[c % 8 / 2] >> (c % 2 == 0 ? 0 : 16) & 0xffffu;
            y(t, c) = bits >= threshold ? x(t, c) / (1.0 - k.probability) : 0.0;
        }
}

}   // namespace llmft::test::reference
