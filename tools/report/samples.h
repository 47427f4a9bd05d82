// A few rows answered by the model before and after it was trained.
#pragma once

#include <string>
#include <vector>

#include "tools/prepared_run.h"

namespace llmft {

struct Sample {
    std::string prompt, reference, before, after;
};

// A row that begins with a prompt, which is not learned, and what is learned behind it.
struct SampleRow {
    std::vector<int32_t> prompt, reference;
};
// The first `count` such rows of the evaluation set, else of the training set, whose prompt is not too long. None of
// rows of tokens and of plain text.
std::vector<SampleRow> sample_rows(const TrainData& data, int64_t count);

// Each row answered after training and before it, greedily and with at most 64 tokens, as `generate` does it. The model
// is left as it was before training: its result has to be saved by then. The memory is beside the session's; throws
// OutOfMemory where both pass `limit_bytes`.
std::vector<Sample> make_samples(const std::vector<SampleRow>& rows, const PreparedRun& prepared, Session& session,
                                 int64_t limit_bytes);

}   // namespace llmft
