// Per row, with logits z in f32 and target y ≥ 0:   loss = ln Σ_v exp(z[v]) − z[y]   (natural log, nats)
// and in place  d_logits = d_logp·(onehot(y) − softmax(z)), the gradient through each row's log-probability; without
// d_logp that is −1 everywhere: the gradient of the *sum* of losses, no mean. Rows with target < 0 carry no loss: loss
// 0, d_logits 0. `correct` is 1 where the target is the first largest logit. Logits are f32 or bf16. A NaN or +inf
// among them gives NaN, −inf is probability 0.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

enum class LogitsAfter : uint8_t { kKept, kGradient };

struct CrossEntropy {
    View logits;              // (Q, V), overwritten by the gradient under kGradient
    const int32_t* targets;   // (Q)
    const float* d_logp;      // (Q) gradient with respect to each row's log-probability (= −loss); null: −1
    float* loss;              // (Q)
    int32_t* correct;         // (Q)
    int64_t rows;
    int64_t vocab;
    LogitsAfter after;
};

namespace cpu {
void cross_entropy(const CrossEntropy&);
}
namespace cuda {
void cross_entropy(const CrossEntropy&, StreamHandle);
}

}   // namespace llmft
