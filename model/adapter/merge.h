// A base and a LoRA adapter as one Hugging Face model folder, tensor by tensor: W ← W + s·(B·A), and of an embedding
// W + s·(B·A)ᵀ, with product, scaling and sum in f32 and one rounding into W's dtype (peft/tuners/lora/layer.py, merge
// without safe_merge, on a CPU); biases of lora_B are scaled by s and added; what the adapter trained whole replaces.
// A tied head and its embedding are separate from then on where the adapter changes one of them: then the folder has
// both, and its config says tie_word_embeddings false.
#pragma once

#include <functional>

#include "engine/core/device.h"
#include "engine/io/model_source.h"
#include "model/adapter/adapter_file.h"
#include "model/config.h"

namespace llmft {

struct MergeRequest {
    const ModelSource& base;
    const ModelConfig& config;   // of base
    const AdapterFile& adapter;
    std::optional<DType> dtype;     // of every tensor written; nothing: each as the base has it
    std::filesystem::path output;   // exists, and holds no weights
    std::function<void(int64_t done, int64_t all)>
        on_tensor;   // before each; may throw, which leaves the folder unfinished
};

struct MergeResult {
    int64_t tensors = 0, changed = 0, bytes = 0;
    DType dtype = DType::kF32;   // the config's: that of most bytes
    bool untied = false;
};

// Writes the weights and config.json. UserError where base and adapter do not fit each other; NumericalError where a
// sum has no finite value in the dtype.
MergeResult merge_adapter(const MergeRequest& request, Device& device);

}   // namespace llmft
