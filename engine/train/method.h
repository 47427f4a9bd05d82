// A way to train: which parameters exist and how they reach the computation. LoRA and full fine-tuning publish masters
// into compute storage; later methods change budgets, norms or the choice of layers at the same two moments.
#pragma once

#include "engine/core/run.h"

namespace llmft {

class Method {
public:
    virtual ~Method() = default;
    // Before the window of `step` (from 0) and before an evaluation: masters have changed.
    virtual void before_step(int64_t step, Run&) = 0;
    // The window's gradient sums are complete, over all ranks; the optimizer has not run.
    virtual void after_grads(int64_t step, Run&) = 0;
};

}   // namespace llmft
