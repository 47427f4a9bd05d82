// All that a training run decides before it computes or writes anything: model, method, data, where it begins, plan.
#pragma once

#include <memory>

#include "tools/checkpointer.h"
#include "tools/train_setup.h"

namespace llmft {

struct PreparedRun {
    std::unique_ptr<ModelSource> model;
    ModelConfig config;
    std::unique_ptr<ModelWeights> weights;
    const MethodEntry* method;
    std::unique_ptr<Tuning> tuning;
    TrainData data;
    RunIdentity identity;
    std::optional<ResumePoint> from;   // nothing: from the first step
    ChosenPlan chosen;
    int64_t steps;        // where it ends
    bool ended = false;   // it was there already: no step is left
    ScheduleOptions schedule;

    double learning_rate(int64_t step) const;
    RunState first_state() const { return from ? from->state : RunState(); }
    std::vector<StepRecord> records_before() const { return from ? from->records : std::vector<StepRecord>(); }
};

// Resolves the options, which flags' are. Errors are those of everything that it reads; OutOfMemory where the plan does
// not fit; UserError STATE where the checkpoint that it would go on from is of another run.
PreparedRun prepare_run(TrainOptions& options, const Flags& flags, const Path& output);

}   // namespace llmft
