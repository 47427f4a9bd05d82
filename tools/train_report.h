// What a training run says: the start block on stderr, the end block on stdout, report.html.
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

enum class RunEnd : uint8_t { kDone, kEarly, kStopped };   // early: no evaluation gained any more

struct RunResult {
    RunEnd end = RunEnd::kDone;
    TrainSummary summary;
    std::optional<int64_t> newest_checkpoint;
};

// Losses, where everything is, the next command.
void print_end(const TrainOptions& options, const std::string& output_dir, const RunResult& result);

struct ReportParts {
    const TrainOptions& options;
    const Flags& flags;
    const PreparedRun& prepared;
    const RunResult& result;
    std::string output_dir;
    Session& session;
};
// output_dir/report.html, with every step of metrics.jsonl there. Answers before and after are made of a run that was
// not stopped; the session's model is then as it was before training.
void write_report(const ReportParts& parts);

}   // namespace llmft
