#include "model/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops/upload.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr const char* kFetchAgain = "fetch the file again or give the folder it belongs to";

// A tied model's file may hold the shared matrix under either name.
const SafeTensor* find(const ModelFiles& files, const std::string& name, const ModelConfig& config) {
    if (const SafeTensor* tensor = files.find(name)) return tensor;
    if (config.tie_word_embeddings && name == names::weight(names::embedding())) return files.find(names::weight(names::head()));
    return nullptr;
}

}  // namespace

void expect_tensor_shape(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols) {
    const bool vector = tensor.shape == std::vector<int64_t>{cols} && rows == 1;
    if (vector || tensor.shape == std::vector<int64_t>{rows, cols}) return;
    throw UserError("SHAPE", file, tensor.name, fmt::format("shape {}, config.json says ({}, {})", tensor.shape, rows, cols),
                    "give weights and config of the same model");
}

void load_weights(Decoder& model, const ModelFiles& files, Run& run) {
    for (const WeightTarget& target : model.weight_targets()) {
        const SafeTensor* tensor = find(files, target.name, model.config());
        if (!tensor) throw UserError("MISSING", model.config().name, target.name, "no file holds this tensor", kFetchAgain);
        const std::string file = files.file_of(tensor->name).string();
        expect_tensor_shape(*tensor, file, target.to.rows, target.to.cols);
        const auto dtype = dtype_of(tensor->dtype);
        if (!dtype || (*dtype != DType::kF32 && *dtype != DType::kBf16 && *dtype != DType::kF16))
            throw UserError("DTYPE", file, tensor->name, fmt::format("{} weights are not supported", tensor->dtype), "give f32, bf16 or f16");
        if (const auto at = first_nonfinite(*tensor))
            throw UserError("VALUE", file, tensor->name, fmt::format("element {} is NaN or infinite", *at), kFetchAgain);
        ops::upload_converted(target.to, tensor->bytes.data(), *dtype, run);
    }
}

}  // namespace llmft
