// What --model names.
#pragma once

#include <memory>
#include <string>

#include "engine/io/model_source.h"

namespace llmft {

// A Hugging Face model folder. Nothing of it is read yet.
std::unique_ptr<ModelSource> open_model(const std::string& path);

}   // namespace llmft
