// Checked cross-entropy over the logits of loss rows; see kernels/cross_entropy/cross_entropy.h and
// kernels/reduce/reduce.h.
#pragma once

#include "engine/core/run.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace llmft::ops {

struct CrossEntropy {
    Tensor logits;    // (Q, V)
    Tensor targets;   // (1, Q) int32
    Tensor d_logp;    // (1, Q) f32; empty: −1 everywhere
    Tensor loss;      // (1, Q) f32
    Tensor correct;   // (1, Q) int32
    LogitsAfter after;
};
void cross_entropy(const CrossEntropy&, Run&);

struct LossSums {
    Tensor loss;      // (1, Q) f32
    Tensor correct;   // (1, Q) int32
    Tensor sums;      // (1, 2) f64, accumulates: Σ loss, Σ correct
};
void loss_sums(const LossSums&, Run&);

}   // namespace llmft::ops
