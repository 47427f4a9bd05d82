// Checked embedding lookup; see kernels/embedding/embedding.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct EmbeddingForward {
    Tensor ids;     // (1, T) int32
    Tensor table;   // (V, C)
    Tensor y;       // (T, C) the table's dtype
};
void embedding_forward(const EmbeddingForward&, Run&);

struct EmbeddingBackward {
    Tensor ids;       // (1, T) int32
    Tensor d_y;       // (T, C)
    Tensor d_table;   // (V, C) f32, accumulates
};
void embedding_backward(const EmbeddingBackward&, Run&);

}   // namespace llmft::ops
