// What a training run says: the start block on stderr, the end block on stdout.
#pragma once

#include <limits>

#include "tools/prepared_run.h"

namespace llmft {

// Model, method, trainable line, data, plan, where it begins, and the first example with its mask.
void print_start(const TrainOptions& options, const PreparedRun& run);

struct TrainSummary {
    StepRecord last;
    double best_loss = std::numeric_limits<double>::infinity();   // of steps that were taken
    std::optional<double> last_eval_loss;
    double best_eval_loss = 0;
    double seconds = 0;
    int64_t skipped = 0;   // steps

    void add(const StepRecord& record);
};

// kEarly: no evaluation gained any more. kNotFinite: thrown as NumericalError by the loop.
enum class RunEnd : uint8_t { kDone, kEarly, kStopped, kNotFinite };
const char* end_text(RunEnd end);

struct RunResult {
    RunEnd end = RunEnd::kDone;
    TrainSummary summary = {};
    std::optional<int64_t> newest_checkpoint = {};
    std::optional<int64_t> kept_step = {};   // of the best evaluation, where its weights are the result
};

// Losses, where everything is, the next command.
void print_end(const TrainOptions& options, const PreparedRun& run, const std::string& output_dir,
               const RunResult& result);

std::string method_text(const TrainOptions& options, const PreparedRun& run);   // "lora, f32 on cpu"
// Asks the trained model one of the rows' prompts.
std::string next_command(const TrainOptions& options, const PreparedRun& run, const std::string& output_dir);

}   // namespace llmft
