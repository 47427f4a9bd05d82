// A trained model as a Hugging Face folder.
#pragma once

#include <filesystem>

#include "model/decoder.h"

namespace llmft {

// model.safetensors (in the compute dtype, tied weights once) and config.json. The folder exists.
void save_model(const Decoder& model, const SaveFolders& folders, Run& run);
// config.json alone: the base's, for weights of that dtype.
void save_config(const ModelSource& base, DType dtype, const std::filesystem::path& folder);

}   // namespace llmft
