// Models as Hugging Face folders.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "model/decoder.h"

namespace llmft {

// A trained model: model.safetensors or its shards (in the compute dtype, tied weights once) and config.json: the
// base's, with that dtype. The folder exists.
void save_model(const Decoder& model, const SaveFolders& folders, Run& run);

// Any model, its weights read and written tensor by tensor; packed ones are decoded.
struct PlainFolder {
    std::optional<DType> dtype;             // of every tensor; nothing: what each is in where it is read
    std::filesystem::path output;           // exists, and holds no weights
    std::function<void()> on_tensor = {};   // before each; may throw, which leaves the folder unfinished
};
struct PlainResult {
    int64_t tensors = 0, bytes = 0;
    DType dtype = DType::kF32;   // of most numbers: what config.json says
};
// NumericalError where a number has no finite value in the dtype.
PlainResult write_plain_model(const ModelSource& model, const PlainFolder& folder);
// Reads what was written: NumericalError unless every tensor has the bits that the model's has in its dtype.
void expect_plain_model(const ModelSource& model, const PlainFolder& folder, const ModelSource& written);

}   // namespace llmft
