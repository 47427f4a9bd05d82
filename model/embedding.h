// The embedding: x[t] = E[ids[t]], and with an adapter (PEFT, lora/layer.py, Embedding) + s·B·A[:, ids[t]]. A's master
// and copy are kept transposed, so that a token's column of A is a row.
#pragma once

#include "model/linear.h"

namespace llmft {

struct Embedding {
    WeightId weight;   // (V, C)
    BlockId w = {};    // where it is trained
    int64_t rank = 0;
    float scaling = 0;
    WeightId lora_a;          // (V, R)
    WeightId lora_b;          // (C, R) s·B
    BlockId a = {}, b = {};   // their masters

    bool trains() const { return w || a; }
};

// ids (1, T) → x (T, C).
void embedding_forward(const Embedding&, const Tensor& ids, const Tensor& x, const LinearContext&, Run&);
// d_x (T, C): adds to the gradients of what is trained.
void embedding_backward(const Embedding&, const Tensor& ids, const Tensor& d_x, const LinearContext&, Run&);
void embedding_publish(const Embedding&, const WeightStore&, const ParameterSet&, Run&);

}   // namespace llmft
