// The few numbers of a run that a checkpoint keeps beside the training state (training_state.h): where the loop is,
// which evaluation was best, how far metrics.jsonl goes. Random numbers and the order of examples are functions of seed
// and step, so there is nothing else. In trainer_state.json, with Hugging Face's names where it has one.
#pragma once

#include "engine/io/file.h"
#include "engine/train/trainer.h"

namespace llmft {

constexpr const char* kRunStateName = "trainer_state.json";

// The best evaluation so far, and what follows from it. Lower is better.
struct BestEvaluation {
    std::optional<int64_t> step = {};
    double value = 0;
    int64_t without_gain = 0;   // evaluations since then

    void add(int64_t at_step, double loss);   // NaN and infinity are no gain
    bool out_of(int64_t patience) const { return patience > 0 && without_gain >= patience; }
};

struct RunState {
    LoopState loop = {};
    BestEvaluation best = {};
    BestEvaluation best_saved = {};   // of those after whose step a checkpoint was written
    int64_t metrics_bytes = 0;        // of metrics.jsonl, up to the loop's step
};

void write_run_state(const Path& folder, const RunState&);
RunState read_run_state(const Path& folder);   // UserError as of any JSON file

}   // namespace llmft
