// LoRA adapters as PEFT keeps them: adapter_config.json and adapter_model.safetensors. Names are
// base_model.model.<module>.lora_A.weight (r, in) and .lora_B.weight (out, r), in F32 (PEFT 0.21,
// peft/utils/save_and_load.py).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/optim/parameter.h"

namespace llmft {

struct PeftConfig {
    int64_t r = 0;
    double alpha = 0;
    double dropout = 0;
    std::vector<std::string> target_modules;   // as PEFT matches them: whole paths or their ends
    std::string base_model;                    // base_model_name_or_path: written, never followed
};

// Throws UserError that names file and field: what is missing, out of range, or would change the maths and is not
// built.
PeftConfig read_peft_config(const std::filesystem::path& folder);
// Fills every parameter; a tensor that is missing, left over, or of another shape is an error.
void read_peft_weights(const std::filesystem::path& folder, const std::vector<Parameter>& parameters, Run& run);
void write_peft(const std::filesystem::path& folder, const PeftConfig& config, const std::vector<Parameter>& parameters,
                Run& run);

}   // namespace llmft
