// What a GGUF file's metadata and tensors are as a Hugging Face model: config.json, generation_config.json, and which
// tensor is which weight. Architectures llama (Mistral's too), qwen2 and qwen3; keys and names: ggml docs/gguf.md and
// the tensor maps of the Python package gguf 0.19; the order of a llama's query and key rows: llama.cpp,
// conversion/llama.py. What would change the mathematics and has no place in config.json is refused by its key.
#pragma once

#include <string>

#include "engine/io/gguf_weights.h"
#include "engine/io/json.h"

namespace llmft {

std::string gguf_config(const Gguf&);
std::string gguf_generation_config(const Gguf&);
// A tensor that is no weight of the architecture is UserError EXTRA.
std::vector<GgufPlacement> gguf_placements(const Gguf&);

// One architecture of the above.
struct GgufArchitecture {
    std::string_view name;         // in the file, and before its keys
    std::string_view model_type;   // in config.json
    std::string_view class_name;
    bool paired_rows;   // query and key rows lie as rotary pairs
};
const GgufArchitecture& gguf_architecture(const Gguf&);   // another one: UserError SCHEMA

// config.json's rope_scaling, or null.
Json gguf_rope_scaling(const Gguf&, double theta, int64_t head_dim);

}   // namespace llmft
