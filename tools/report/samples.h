// A few rows answered by the model before and after it was trained.
#pragma once

#include <string>
#include <vector>

#include "tools/eval/exact_match.h"
#include "tools/prepared_run.h"

namespace llmft {

struct Sample {
    std::string prompt, reference, before, after;
};

// The first `count` questions of the evaluation set, else of the training set, whose prompt is not too long. None of
// rows of tokens and of plain text.
std::vector<Question> sample_questions(const TrainData& data, int64_t count);

// Each answered after training and before it, greedily and with at most 64 tokens, as `generate` does it. The model is
// left as it was before training: its result has to be saved by then. The memory is beside the session's; throws
// OutOfMemory where both pass `limit_bytes`.
std::vector<Sample> make_samples(const std::vector<Question>& questions, const PreparedRun& prepared, Session& session,
                                 int64_t limit_bytes);

}   // namespace llmft
