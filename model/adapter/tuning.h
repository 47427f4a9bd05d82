// The seam between methods and the model: what a method does to each module is asked once, before memory is planned;
// then it gives starting values, publishes masters before each step, and writes its result. Adding a method is a file
// beside this one and a line in the table of model/adapter/methods.cpp.
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/io/model_source.h"
#include "engine/train/method.h"
#include "model/linear.h"

namespace llmft {

class Decoder;

struct ModuleSpec {
    enum class Kind : uint8_t { kLinear, kHead, kEmbedding, kNorm } kind;
    std::string_view path;   // Hugging Face's: "model.layers.0.self_attn.q_proj"
    int64_t in;              // of an embedding the vocabulary, of a norm 1
    int64_t out;
    int64_t hidden_size;   // of the model
};

struct ModuleTraining {
    bool weight = false;   // trained itself
    bool bias = false;     // so is its bias, where it has one
    int64_t rank = 0;      // of an adapter; 0: none. Not for norms
    double scaling = 0;    // α/r
    double dropout = 0;
    bool lora_bias = false;   // lora_B has a bias
};

// A tied head whose embedding is trained: still one matrix, or a copy of what the embedding was (PEFT's
// modules_to_save).
enum class TiedHead : uint8_t { kFollows, kStays };

struct SaveFolders {
    const ModelSource& base;        // its path is the base's name for readers, its config.json is copied
    std::filesystem::path output;   // exists
};

class Tuning : public Method {
public:
    virtual ModuleTraining module(const ModuleSpec&) const = 0;
    virtual TiedHead tied_head() const = 0;
    // Once, after the base weights are loaded.
    virtual void initialise(Decoder&, Run&) = 0;
    // The result: an adapter, or a model folder.
    virtual void save(const Decoder&, const SaveFolders&, Run&) const = 0;
};

}   // namespace llmft
