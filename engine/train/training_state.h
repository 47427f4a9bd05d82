// The large part of what a run needs to go on as if it had never stopped: the f32 masters and the optimizer's state,
// parameter by parameter under Hugging Face's names ("value.NAME", "m.NAME", "v.NAME"). The small part is run_state.h.
#pragma once

#include "engine/io/file.h"
#include "engine/optim/optimizer.h"

namespace llmft {

constexpr const char* kTrainingStateName = "training_state.safetensors";

struct TrainedState {
    const ParameterSet& parameters;
    const Optimizer& optimizer;
};

void write_training_state(const Path& folder, const TrainedState&, Run&);
// Into the parameters and the optimizer. Errors: those of Safetensors::open; UserError STATE for another set of tensors
// or another shape, VALUE for NaN or infinity.
void read_training_state(const Path& folder, const TrainedState&, Run&);
// What write_training_state puts on the disk, but for its header.
int64_t training_state_bytes(const TrainedState&);

}   // namespace llmft
