// A trained model as a Hugging Face folder.
#pragma once

#include <filesystem>

#include "model/decoder.h"

namespace llmft {

// The base's config.json for weights that lie plain in `dtype`.
Json plain_config(const ModelSource& base, DType dtype);

// model.safetensors or its shards (in the compute dtype, tied weights once) and config.json: the base's, with that
// dtype. The folder exists.
void save_model(const Decoder& model, const SaveFolders& folders, Run& run);

}   // namespace llmft
