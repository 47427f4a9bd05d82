#include "engine/optim/adamw.h"

#include "engine/ops/update.h"

namespace llmft {

Adamw::Adamw(const AdamwOptions& options, const ParameterSet& parameters, Arena& arena)
    : options_(options),
      parameters_(parameters),
      m_(arena.persistent("optimizer.m", DType::kF32, 1, parameters.grads().cols)),
      v_(arena.persistent("optimizer.v", DType::kF32, 1, parameters.grads().cols)) {}

void Adamw::step(const OptimizerStep& step, Run& run) {
    int64_t at = 0;
    for (const Decay decay : {Decay::kYes, Decay::kNo}) {
        const Tensor param = parameters_.values(decay);
        if (param.cols == 0) continue;
        ops::adamw_step({.param = param,
                         .grad = parameters_.grads(decay),
                         .m = m_.columns(at, param.cols),
                         .v = v_.columns(at, param.cols),
                         .grad_scale = step.grad_scale,
                         .lr = step.lr,
                         .beta1 = options_.beta1,
                         .beta2 = options_.beta2,
                         .eps = options_.epsilon,
                         .decay = decay == Decay::kYes ? options_.weight_decay : 0,
                         .step = step.step},
                        run);
        at += param.cols;
    }
}

std::vector<Optimizer::State> Adamw::state() const {
    return {{"m", m_}, {"v", v_}};
}

}   // namespace llmft
