// An adapter's tensors as PEFT keeps them in adapter_model.safetensors (PEFT 0.21, peft/utils/save_and_load.py), in
// F32. Keys are base_model.model. and the parameter's name:
//   <linear>.lora_A.weight (r, in)   .lora_B.weight (out, r)   .lora_B.bias (out)
//   <embedding>.lora_embedding_A (r, V)   .lora_embedding_B (C, r)   no .weight; the master of A is transposed
//   <module>.weight, .bias                         saved whole
//   <linear>.bias                                  a trained bias; <linear>.base_layer.bias where it has an adapter
// What PEFT adds for a targeted embedding, its frozen base as <embedding>.base_layer.weight, is skipped and not
// written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "engine/io/safetensors.h"
#include "engine/optim/parameter.h"

namespace llmft {

inline constexpr const char* kPeftPrefix = "base_model.model.";
// The file in the folder; a pickle beside which there is none is UserError UNSAFE. Where a manifest.json lies there, as
// llmft leaves it, the file and the config beside it have to be what it says: UserError HASH.
Safetensors open_peft_weights(const std::filesystem::path& folder);

// The key of each parameter.
std::vector<std::string> peft_keys(const std::vector<Parameter>& parameters);

// Numbers that training adds to the base's own: all but biases of the base (PEFT's "all params" counts those once).
int64_t added_parameter_count(const std::vector<Parameter>& parameters);

// One parameter's tensor, dense, in the parameter's own layout; its name and shape count, not its value.
std::vector<float> load_peft_tensor(const Safetensors& file, const Parameter& p);
// UserError SHAPE that names a tensor that is none of these.
void expect_no_other_tensors(const Safetensors& file, const std::vector<Parameter>& parameters);
// Fills every parameter; a tensor that is missing, left over, or of another shape is an error.
void read_peft_weights(const std::filesystem::path& folder, const std::vector<Parameter>& parameters, Run& run);
void write_peft(const std::filesystem::path& folder, const Json& config, const std::vector<Parameter>& parameters,
                Run& run);

}   // namespace llmft
