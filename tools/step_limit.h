// How fast a run's steps could be on this machine.
#pragma once

#include "tools/prepared_run.h"

namespace llmft {

// Tokens a second if a step were its matrix products alone, at the rate of large ones, measured now for some 50 ms. The
// products are those of the plan's step; the head computes only what carries loss. 0 where nobody would see it: stderr
// is no terminal.
double limit_tokens_per_second(const PreparedRun& run, const Device& device);

}   // namespace llmft
