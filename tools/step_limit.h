// How fast a run's steps could be.
#pragma once

#include "data/loader.h"
#include "engine/core/device.h"
#include "tools/session.h"

namespace llmft {

// GFLOP/s of this machine's large matrix products, measured now for some 50 ms. 0 where the process's address space is
// limited (ulimit -v): a product that finds too little of it can end the process by a signal (oneDNN 2.6).
double measured_gflops(GemmEngine engine, DType dtype);

// Tokens a second if the plan's step were its matrix products alone, at that rate. The head's are those of the data's
// tokens that carry loss; of all tokens where it has no rows.
double limit_tokens_per_second(const Plan& plan, const LoaderShape& data, double gflops);

}   // namespace llmft
