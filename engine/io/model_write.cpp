#include "engine/io/model_write.h"

#include <fmt/format.h>

#include <numeric>

#include "engine/io/json.h"

namespace llmft {
namespace {

int64_t elements(const TensorToWrite& t) {
    return std::accumulate(t.shape.begin(), t.shape.end(), int64_t{1}, std::multiplies<>());
}

}   // namespace

void write_model_weights(const Path& folder, std::vector<TensorToWrite> tensors, int64_t shard_bytes,
                         int64_t parameters) {
    std::vector<std::vector<TensorToWrite>> shards(1);
    int64_t filled = 0, total_bytes = 0, total_elements = 0;
    for (TensorToWrite& tensor : tensors) {
        const int64_t bytes = elements(tensor) * size_bytes(tensor.dtype);
        if (filled + bytes > shard_bytes && !shards.back().empty()) {
            shards.emplace_back();
            filled = 0;
        }
        filled += bytes;
        total_bytes += bytes;
        total_elements += elements(tensor);
        shards.back().push_back(std::move(tensor));
    }
    if (shards.size() == 1) return write_safetensors(folder / "model.safetensors", std::move(shards.front()));

    Json map = Json::object();
    for (size_t i = 0; i < shards.size(); ++i) {
        const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
        for (const TensorToWrite& tensor : shards[i]) map[tensor.name] = name;
        write_safetensors(folder / name, std::move(shards[i]));
    }
    write_file(
        folder / "model.safetensors.index.json",
        hf_json({{"metadata",
                  {{"total_parameters", parameters > 0 ? parameters : total_elements}, {"total_size", total_bytes}}},
                 {"weight_map", map}}));
}

}   // namespace llmft
