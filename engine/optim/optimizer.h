// The face of every optimizer: it knows parameters, never layers.
#pragma once

#include "engine/optim/parameter.h"

namespace llmft {

struct OptimizerStep {
    double lr;
    int64_t step;   // from 1
    Tensor
        grad_scale;   // (1, 1) f32 on the device: 1/N and the clipping factor; non-finite: the step must change nothing
};

class Optimizer {
public:
    virtual ~Optimizer() = default;
    virtual void step(const OptimizerStep&, Run&) = 0;
    struct State {
        const char* name;
        Tensor tensor;
    };
    virtual std::vector<State> state() const = 0;   // everything a checkpoint must hold
};

}   // namespace llmft
