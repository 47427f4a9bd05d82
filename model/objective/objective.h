// What is learned from log-probabilities: the seam between the head and every objective. An objective says, for each
// predicted token, the gradient of what is minimised with respect to that token's log-probability.
//   kFused     it is known before any log-probability is: the head makes logits, loss and gradient in one pass
//   kTwoPass   it depends on them (preferences: on sums over whole completions): the head makes all log-probabilities
//   first,
//              asks, and makes the logits again for the gradient
// Adding an objective is a file beside this one and a line in the table of objectives.cpp.
#pragma once

#include <string_view>

#include "engine/core/run.h"
#include "engine/train/batch.h"

namespace llmft {

struct LogProbs {
    Tensor
        loss;   // (1, Q') f32: −log-probability of each loss row's target, in the batch's order, filled up with zeros
};

class Objective {
public:
    enum class Head : uint8_t { kFused, kTwoPass };
    virtual ~Objective() = default;
    virtual Head head() const = 0;
    // kTwoPass only. d_logp (1, Q') f32: to be written for every loss row; what lies behind them is not read.
    virtual void d_logp(const LogProbs&, const Batch&, const Tensor& d_logp, Run&) const = 0;
};

// Supervised fine-tuning: minimise the sum of losses, so −1 for every predicted token.
const Objective& sft();

// By the name that --objective takes. Throws UserError for one that is not in the table.
const Objective& objective(std::string_view name);

}   // namespace llmft
