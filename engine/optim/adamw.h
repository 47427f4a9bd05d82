// AdamW with f32 moments on the device (torch.optim.AdamW's formula: kernels/adamw/adamw.h). One launch for the decayed
// part of the flat buffers, one for the rest.
#pragma once

#include "engine/optim/optimizer.h"

namespace llmft {

struct AdamwOptions {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0;
};

class Adamw final : public Optimizer {
public:
    Adamw(const AdamwOptions& options, const ParameterSet& parameters, Arena& arena);
    void step(const OptimizerStep& step, Run& run) override;
    std::vector<State> state() const override;

private:
    AdamwOptions options_;
    const ParameterSet& parameters_;
    Tensor m_, v_;   // (1, n) flat, in the order of the parameters
};

}   // namespace llmft
