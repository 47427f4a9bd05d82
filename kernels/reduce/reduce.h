// Sums in double over blocks of a fixed size, partial sums added in order: the same bits for any number of threads.
//   sum_squares: out[0] (=, or += under kAccumulate) Σ x[i]²
//   loss_sums:   sums[0] += Σ loss, sums[1] += Σ correct      (rows of one head chunk; targets < 0 have loss 0, correct
//   0)
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

constexpr int64_t kReduceBlock = 4096;   // elements per partial sum

struct SumSquares {
    const float* x;     // (count)
    double* partials;   // (ceil(count / kReduceBlock)) scratch
    double* out;        // (1)
    int64_t count;
    OutMode out_mode;
};

struct LossSums {
    const float* loss;        // (rows)
    const int32_t* correct;   // (rows)
    double* sums;             // (2) accumulates
    int64_t rows;
};

namespace cpu {
void sum_squares(const SumSquares&);
void loss_sums(const LossSums&);
}   // namespace cpu
namespace cuda {
void sum_squares(const SumSquares&, StreamHandle);
void loss_sums(const LossSums&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
