// metrics.jsonl: one JSON line per optimizer step, whole lines only, doubles in the shortest form that reads back.
#pragma once

#include "engine/io/file.h"
#include "engine/io/json_field.h"
#include "engine/train/trainer.h"

namespace llmft {

// step, epoch, loss, grad_norm, learning_rate, num_tokens, tokens_per_second, mean_token_accuracy, step_ms, and eval_*
// after an evaluation, skipped where the step was not taken; NaN and infinities are null.
OrderedJson metrics_json(const StepRecord& record);
StepRecord metrics_record(const JsonField& line);   // of such a line

class MetricsWriter {
public:
    // Keeps the first `keep` bytes of the file, which it has to have; creates it where there is none. Errors: UserError
    // PATH, DiskFull.
    MetricsWriter(const Path& path, int64_t keep);
    void write(const StepRecord& record);
    // Onto the disk; how many bytes the file has.
    int64_t sync();

private:
    Path path_;
    Descriptor file_;
    int64_t bytes_;
};

// The records of all whole lines. Throws UserError as of any JSON.
std::vector<StepRecord> read_metrics(const Path& path);
// The records of the first `bytes` of a run's metrics, which end with step `last`; nothing where the file is not that.
std::optional<std::vector<StepRecord>> read_metrics(const Path& path, int64_t bytes, int64_t last);

}   // namespace llmft
