// What --model names.
#pragma once

#include <memory>
#include <string>

#include "engine/io/model_source.h"

namespace llmft {

// A GGUF file, whose layout is proved here, or else a Hugging Face model folder, of which nothing is read yet.
std::unique_ptr<ModelSource> open_model(const std::string& path);

}   // namespace llmft
