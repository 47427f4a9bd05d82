// Several LoRA adapters as one (peft/tuners/lora/model.py, add_weighted_adapter; PEFT 0.21), as a folder that PEFT
// loads.
#pragma once

#include <span>
#include <string>

#include "model/adapter/adapter_file.h"

namespace llmft {

enum class Combination : uint8_t {
    kCat,   // the exact sum Σ wᵢ·sᵢ·Bᵢ·Aᵢ: A = [wᵢ·sᵢ·Aᵢ] below one another, B = [Bᵢ] side by side, rank Σ rᵢ
    kLinear,   // A = Σ ±√|wᵢ·sᵢ|·Aᵢ with the sign of wᵢ·sᵢ, B = Σ √|wᵢ·sᵢ|·Bᵢ: cheap, and only near the sum
};

struct WeightedAdapter {
    const AdapterFile& adapter;
    double weight;
};

// Writes adapter_config.json and adapter_model.safetensors (F32; r = lora_alpha, so that it is scaled by 1; modules of
// a smaller rank are filled up with zeros) into a folder that exists. A module that only some have is what those make
// of it. UserError SHAPE where factors of one module differ in shape, under kLinear also in rank; USAGE for adapters
// that train whole modules or biases, which have no sum.
void combine_adapters(std::span<const WeightedAdapter> adapters, Combination how, const std::string& base_model,
                      const std::filesystem::path& output);

}   // namespace llmft
