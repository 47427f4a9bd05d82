// What a run's records say of it as a whole, for its own report and for lists of runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/train/trainer.h"
#include "tools/report/curve.h"

namespace llmft {

struct RunFigures {
    int64_t steps = 0, tokens = 0;
    double seconds = 0;                                              // of its steps
    std::optional<double> tokens_per_second = {};                    // the median of its steps
    std::optional<double> loss = {}, eval_loss = {};                 // the last ones, finite or not
    std::optional<CurvePoint> best_loss = {}, best_eval_loss = {};   // finite; of training: of steps that were taken
    Curve losses = {}, evaluations = {};                             // of every step, of every evaluation
};
RunFigures figures_of(const std::vector<StepRecord>& records);

}   // namespace llmft
