// report.html of a training run.
#pragma once

#include "tools/train_report.h"

namespace llmft {

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
