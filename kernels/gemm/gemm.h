// C = op(A)·op(B)  (+ C),  row-major with leading dimensions, f32 accumulation, one rounding into C's dtype.
// A and B share a dtype (f32, bf16); C is f32 or that dtype.
//
// CPU: the work is cut into panels of M×N that the shape alone fixes, K is never cut, and each panel is one
// single-threaded call, so bits do not depend on the number of threads. kOneDnn calls oneDNN (bits may differ between
// instruction sets); kPortable is our own f32 kernel with K in order: the same bits on every instruction set.
#pragma once

#include <string>

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

enum class Transpose : uint8_t { kNo, kYes };
enum class GemmEngine : uint8_t { kPortable, kOneDnn };

struct Gemm {
    View a;   // (M, K), or (K, M) if transposed
    View b;   // (K, N), or (N, K) if transposed: a Hugging Face weight is used with kYes
    View c;   // (M, N)
    Transpose a_op;
    Transpose b_op;
    int64_t m;
    int64_t n;
    int64_t k;
    OutMode out_mode;
    GemmEngine engine;   // ignored by CUDA
};

namespace cpu {
void gemm(const Gemm&);
// What this build and processor have: false where the build has no oneDNN, or this processor has no bf16 products.
bool gemm_has(GemmEngine, DType);
// "oneDNN 2.6.3", or "" in a build without it.
std::string gemm_library();
}   // namespace cpu
namespace cuda {
void gemm(const Gemm&, StreamHandle);
}

}   // namespace llmft
