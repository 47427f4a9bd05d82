// What --model names.
#pragma once

#include <memory>
#include <string>

#include "engine/io/model_source.h"

namespace llmft {

// A GGUF file, whose layout is proved here, or else a Hugging Face model folder, of which nothing is read yet.
// The files that such a folder may have beside its weights are regular files, or not there.
std::unique_ptr<ModelSource> open_model(const std::string& path);

// Throws (MISSING, PATH) for a file of a model folder, not one of weights, that is there and cannot be read: it would
// be missed by nobody.
void expect_regular_files(const Path& folder);

}   // namespace llmft
