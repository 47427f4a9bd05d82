// The seam between methods and the model: what a method does to each linear is asked once, before memory is planned;
// then it gives starting values, publishes masters before each step, and writes its result. Adding a method is a file
// beside this one and a line in the table of model/adapter/methods.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/io/model_source.h"
#include "engine/train/method.h"
#include "model/linear.h"

namespace llmft {

class Decoder;

struct LinearTraining {
    LinearGroup::Training training = LinearGroup::Training::kFrozen;
    int64_t rank = 0;
    double scaling = 0;   // α/r
    double dropout = 0;
};

struct SaveFolders {
    const ModelSource& base;        // its path is the base's name for readers, its config.json is copied
    std::filesystem::path output;   // exists
};

class Tuning : public Method {
public:
    // module: Hugging Face path, "model.layers.0.self_attn.q_proj". in, out: the linear's widths.
    virtual LinearTraining linear(std::string_view module, int64_t in, int64_t out) const = 0;
    // Embeddings, norms and head.
    virtual LinearGroup::Training rest() const = 0;
    // Once, after the base weights are loaded.
    virtual void initialise(Decoder&, Run&) = 0;
    // The result: an adapter, or a model folder.
    virtual void save(const Decoder&, const SaveFolders&, Run&) const = 0;
};

}   // namespace llmft
