// The real training step, timed: random weights, random tokens, everything else as `train` does it.
#pragma once

#include <vector>

#include "tools/train_setup.h"

namespace llmft {

struct StepTimes {
    std::vector<double> seconds = {};     // of each step
    std::vector<Profile::Row> ops = {};   // their sums over these steps
    int64_t tokens = 0;                   // of a step
    int64_t microbatches = 0;             // of a step
    double first_step_seconds = 0;        // from an empty session to the end of its first step, weights made meanwhile
};

// `warmup` steps that are not counted, then `steps` that are. A step has the options' number of rows, each of
// --max-seq-length tokens, all of which are learned.
StepTimes time_steps(const TrainOptions& options, const ModelConfig& config, Tuning& tuning, const ChosenPlan& chosen,
                     int64_t warmup, int64_t steps);

}   // namespace llmft
