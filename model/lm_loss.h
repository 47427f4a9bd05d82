// Final norm, output projection and loss, over loss rows only and in chunks of a fixed number of rows: logits never
// exist whole, and shapes are few. The last chunk is filled up with rows that carry no loss.
#pragma once

#include "model/norm.h"
#include "model/objective/objective.h"

namespace llmft {

struct Head {
    Norm norm;
    LinearGroup projection;   // (V, C); where tied, its base is the embedding
    int64_t chunk_rows = 0;
};

struct LossOutputs {
    Tensor loss;      // (1, Q') f32, natural log, of each loss row in order
    Tensor correct;   // (1, Q') int32, 1 where the target is the first largest logit
    Tensor sums;      // (1, 2) f64, accumulates Σ loss, Σ correct
};

// x (T, C): the last block's output. Losses and their sums only.
void lm_loss(const Head&, const Tensor& x, const Batch&, const LossOutputs&, const LinearContext&, Run&);

// The same, and the objective's gradient: d_x (T, C) is overwritten, trained weights' gradients are added to.
void lm_loss_backward(const Head&, const Objective&, const Tensor& x, const Batch&, const Tensor& d_x,
                      const LossOutputs&, const LinearContext&, Run&);

// Logits (rows, V) of some rows x (rows, C), for generation.
void lm_logits(const Head&, const Tensor& x, const Tensor& logits, const LinearContext&, Run&);

}   // namespace llmft
