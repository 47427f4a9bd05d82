// metrics.jsonl: one JSON line per optimizer step, whole lines only, doubles in the shortest form that reads back.
#pragma once

#include "engine/io/file.h"
#include "engine/io/json.h"
#include "engine/train/trainer.h"

namespace llmft {

// step, epoch, loss, grad_norm, learning_rate, num_tokens, tokens_per_second, mean_token_accuracy, step_ms, and eval_*
// after an evaluation.
OrderedJson metrics_json(const StepRecord& record);

class MetricsWriter {
public:
    // Creates or empties the file. Errors: UserError PATH, DiskFull.
    explicit MetricsWriter(const Path& path);
    void write(const StepRecord& record);

private:
    Path path_;
    Descriptor file_;
};

}   // namespace llmft
