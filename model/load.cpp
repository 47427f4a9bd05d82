#include "model/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "engine/ops/upload.h"
#include "model/names.h"

namespace llmft {
namespace {

// A tied model's file may hold the shared matrix under either name.
ModelFiles::Place place_of(const ModelFiles& files, const std::string& name, const ModelConfig& config) {
    const bool shared = config.tie_word_embeddings && name == names::weight(names::embedding());
    if (shared && !files.find(name)) return files.at(names::weight(names::head()));
    return files.at(name);
}

// Weights that would be left out mean that config and weights belong to different models. Old folders hold the rotary
// tables, which follow from the config, and tied ones the head beside the embedding.
void expect_all_known(const std::vector<WeightTarget>& targets, const ModelFiles& files, const ModelConfig& config) {
    std::set<std::string_view> known;
    for (const WeightTarget& target : targets) known.insert(target.name);
    const std::string head = names::weight(names::head());
    if (config.tie_word_embeddings) known.insert(head);
    for (const std::string_view name : files.names()) {
        if (known.contains(name) || name.ends_with(".rotary_emb.inv_freq")) continue;
        const std::string text(name);
        throw UserError("EXTRA", *files.at(name).file, text, "no part of the model that config.json describes",
                        "give weights and config of the same model");
    }
}

}   // namespace

DType expect_loadable(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols) {
    const bool vector = rows == 1 && tensor.shape == std::vector<int64_t>{cols};
    if (!vector && tensor.shape != std::vector<int64_t>{rows, cols})
        throw UserError("SHAPE", file, tensor.name,
                        fmt::format("shape {}, the config says ({}, {})", tensor.shape, rows, cols),
                        "give weights and config of the same model");
    const DType dtype = dtype_of(tensor, file);
    if (dtype != DType::kF32 && dtype != DType::kBf16 && dtype != DType::kF16)
        throw UserError("DTYPE", file, tensor.name, fmt::format("{} weights are not supported", tensor.dtype),
                        "give f32, bf16 or f16");
    expect_finite(tensor, file);
    return dtype;
}

void load_tensor(const SafeTensor& tensor, const std::string& file, const Tensor& to, Run& run) {
    const DType dtype = expect_loadable(tensor, file, to.rows, to.cols);
    ops::upload_converted(to, tensor.bytes.data(), dtype, run);
}

void load_weights(Decoder& model, const ModelFiles& files, Run& run) {
    expect_all_known(model.weight_targets(), files, model.config());
    for (const WeightTarget& target : model.weight_targets()) {
        const ModelFiles::Place place = place_of(files, target.name, model.config());
        load_tensor(*place.tensor, *place.file, target.to, run);
    }
    files.expect_intact();
}

}   // namespace llmft
