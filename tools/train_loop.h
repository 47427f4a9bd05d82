// The loop of `llmft train` with all that happens between its steps: metrics, screen, spikes, the best evaluation,
// checkpoints, requests to stop.
#pragma once

#include "engine/log/tensorboard.h"
#include "tools/train_report.h"

namespace llmft {

struct TrainLoopParts {
    const TrainOptions& options;
    Session& session;
    TrainerPlan plan;
    const BatchSource& source;
    Checkpointer& checkpoints;
    MetricsWriter& metrics;
    EventWriter* events;              // null: none
    double limit_tokens_per_second;   // for the screen (tools/step_limit.h); 0: not known
};

// From the state on, which it moves forward. Stopped on request, the state is saved. Stopped by a number that is not
// finite (NumericalError), it is saved as it was before that step, unless --save-strategy is no; the error says where.
RunResult run_train_loop(const TrainLoopParts& parts, RunState& state, const std::vector<StepRecord>& records);

}   // namespace llmft
