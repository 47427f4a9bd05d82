// A base with a LoRA adapter in it, as a model of its own whose weights are computed while they are read, a few rows at
// a time: W + s·(B·A), and of an embedding W + s·(B·A)ᵀ, with product, scaling and sum in f32
// (peft/tuners/lora/layer.py, merge without safe_merge, on a CPU); biases of lora_B are scaled by s and added; what the
// adapter trained whole replaces. A tied head and its embedding part where the adapter changes one of them: the model
// has both then, and its config says tie_word_embeddings false.
#pragma once

#include "engine/core/device.h"
#include "engine/io/model_source.h"
#include "model/adapter/adapter_file.h"
#include "model/config.h"

namespace llmft {

class MergedModel final : public ModelSource {
public:
    // All of them have to outlive it. UserError SHAPE where base and adapter do not fit each other.
    MergedModel(const ModelSource& base, const AdapterFile& adapter, Device& device);

    bool has(std::string_view file) const override { return base_.has(file); }
    std::string label(std::string_view file) const override { return base_.label(file); }
    std::string text(std::string_view file, int64_t most_bytes) const override;
    // In f32. The `type` of a tensor is what it is stored in unless something else is asked for: the base's, or, where
    // that is packed, the config's dtype or bf16.
    std::unique_ptr<ModelWeights> weights() const override;

    bool untied() const { return untied_; }
    int64_t changed() const { return changed_; }   // tensors that are not the base's

private:
    const ModelSource& base_;
    const AdapterFile& adapter_;
    Device& device_;
    ModelConfig config_;   // of the base
    bool untied_ = false;
    int64_t changed_ = 0;
};

}   // namespace llmft
