// Starting values of LoRA's factors, as PEFT draws them (peft/tuners/lora/layer.py, reset_lora_parameters and
// orthogonal_init); the numbers themselves are keyed by the seed and the parameter's name, not by torch's generator.
//   linear     true: A ~ U(±1/√in), B = 0; false: B ~ U(±1/√r) too; gaussian: A ~ N(0, 1/r²), B = 0;
//              orthogonal (r even): halves of an orthogonal matrix of r rows, so that B·A = 0 while neither is
//   embedding  true, gaussian: A = 0, B ~ N(0, 1); false: both N(0, 1)
#pragma once

#include "engine/optim/parameter.h"
#include "model/adapter/lora_config.h"

namespace llmft {

// Fills every lora_ parameter; others keep what they hold. Throws UserError for what the initialisation cannot do.
void initialise_lora(const std::vector<Parameter>& parameters, LoraInit init, uint32_t seed, Run& run);

}   // namespace llmft
