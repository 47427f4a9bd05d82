// Full fine-tuning: every weight is a parameter with an f32 master; where the compute dtype differs, a copy is
// published before each step.
#pragma once

#include "model/adapter/tuning.h"

namespace llmft {

class Full final : public Tuning {
public:
    ModuleTraining module(const ModuleSpec&) const override { return {.weight = true, .bias = true}; }
    TiedHead tied_head() const override { return TiedHead::kFollows; }
    void initialise(Decoder& model, Run& run) override;
    void before_step(int64_t step, Run& run) override;
    void after_grads(int64_t, Run&) override {}
    void save(const Decoder& model, const SaveFolders& folders, Run& run) const override;

private:
    Decoder* model_ = nullptr;
};

}   // namespace llmft
