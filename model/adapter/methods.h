// The table of methods. A method is a file beside this one and a line in methods.cpp.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "model/adapter/lora.h"

namespace llmft {

struct MethodRequest {
    LoraOptions lora;
    std::filesystem::path adapter;   // continue from, or empty
    uint32_t seed = 0;
};

struct MethodEntry {
    std::string_view name;
    double learning_rate;   // default
    std::unique_ptr<Tuning> (*make)(const MethodRequest&);
};

// Throws UserError for a name that is not in the table.
const MethodEntry& method(std::string_view name);

// Nothing is trained: the base, or the base with an adapter, for evaluation and generation.
std::unique_ptr<Tuning> make_inference(const std::filesystem::path& adapter);

}   // namespace llmft
