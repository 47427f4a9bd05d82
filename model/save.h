// A trained model as a Hugging Face folder.
#pragma once

#include <filesystem>

#include "model/decoder.h"

namespace llmft {

// model.safetensors (in the compute dtype, tied weights once) and config.json: the base's, with that dtype. The folder
// exists.
void save_model(const Decoder& model, const SaveFolders& folders, Run& run);

}   // namespace llmft
