// y[t,:] = table[ids[t],:]. Backward: d_table[ids[t],:] += d_y[t,:], tokens in order, so repeated ids add up in a fixed
// order.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct EmbeddingForward {
    const int32_t* ids;   // (T) in [0, V): checked by the data side
    View table;           // (V, C) f32 or bf16
    View y;               // (T, C) f32 or bf16
    int64_t tokens;
    int64_t cols;
};

struct EmbeddingBackward {
    const int32_t* ids;   // (T)
    View d_y;             // (T, C) f32 or bf16
    View d_table;         // (V, C) f32, accumulates
    int64_t tokens;
    int64_t cols;
};

namespace cpu {
void embedding_forward(const EmbeddingForward&);
void embedding_backward(const EmbeddingBackward&);
}   // namespace cpu
namespace cuda {
void embedding_forward(const EmbeddingForward&, StreamHandle);
void embedding_backward(const EmbeddingBackward&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
