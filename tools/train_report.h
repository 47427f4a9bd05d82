// What a training run says before and after: the start block on stderr, the end block on stdout.
#pragma once

#include "engine/train/trainer.h"
#include "tools/train_setup.h"

namespace llmft {

// Model, method, trainable line, data, plan, and the first example with its mask.
void print_start(const TrainOptions& options, const ModelConfig& config, const TrainData& data,
                 const ChosenPlan& chosen, int64_t steps);

struct TrainSummary {
    StepRecord last;
    double best_loss = 0;
    std::optional<double> last_eval_loss;
    double best_eval_loss = 0;
    double seconds = 0;

    void add(const StepRecord& record);
};

// Losses, where everything is, the next command.
void print_end(const TrainOptions& options, const std::string& output_dir, const TrainSummary& summary, TrainEnd end);

}   // namespace llmft
