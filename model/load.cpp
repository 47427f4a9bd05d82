#include "model/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

}   // namespace

void load_tensor(const SafeTensor& tensor, const std::string& file, const Tensor& to, Run& run) {
    const bool vector = to.rows == 1 && tensor.shape == std::vector<int64_t>{to.cols};
    if (!vector && tensor.shape != std::vector<int64_t>{to.rows, to.cols})
        throw UserError("SHAPE", file, tensor.name,
                        fmt::format("shape {}, the config says ({}, {})", tensor.shape, to.rows, to.cols),
                        "give weights and config of the same model");
    const DType dtype = dtype_of(tensor, file);
    if (dtype != DType::kF32 && dtype != DType::kBf16 && dtype != DType::kF16)
        throw UserError("DTYPE", file, tensor.name, fmt::format("{} weights are not supported", tensor.dtype),
                        "give f32, bf16 or f16");
    expect_finite(tensor, file);
    ops::upload_converted(to, tensor.bytes.data(), dtype, run);
}

void load_weights(Decoder& model, const ModelFiles& files, Run& run) {
    for (const WeightTarget& target : model.weight_targets()) {
        const ModelFiles::Place place = place_of(files, target.name, model.config());
        load_tensor(*place.tensor, *place.file, target.to, run);
    }
    files.expect_intact();
}

}   // namespace llmft
