// Where a NaN or an infinity came from. A step is a function of its inputs, so it is computed again, micro-batch by
// micro-batch, and the first that is not finite is named. Costs nothing until it is needed.
#pragma once

#include "engine/train/trainer.h"

namespace llmft {

// The first parameter whose part of `flat`, the flat values or gradients, is not finite; null where all are.
const Parameter* first_nonfinite_of(const TrainerParts& parts, const Tensor& flat, Run& run);

// Rows are counted from 1, in the order they were read: "micro-batch 2 of 4 (rows 7, 8): the loss is NaN", "…: the
// gradient of NAME is not finite". Overwrites the gradients and the running sums, changes nothing else.
std::string find_nonfinite(const TrainerParts& parts, const Window& window, Run& run);

}   // namespace llmft
