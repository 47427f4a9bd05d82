#include "tools/bench/random_weights.h"

#include <cmath>
#include <cstring>

namespace llmft {

RandomWeights::RandomWeights(const std::vector<WeightTarget>& targets) : ModelWeights("random weights") {
    std::vector<StoredTensor> tensors;
    for (const WeightTarget& target : targets) {
        StoredTensor tensor = {.name = target.name, .file = "random", .type = "F32", .shape = {target.to.cols}};
        if (target.to.rows != 1) tensor.shape.insert(tensor.shape.begin(), target.to.rows);
        tensors.push_back(std::move(tensor));
    }
    set_tensors(std::move(tensors));
}

StoredRows RandomWeights::rows(const StoredTensor& tensor, int64_t first, int64_t count,
                               std::vector<std::byte>& scratch) const {
    const int64_t cols = tensor.cols();
    scratch.resize(static_cast<size_t>(count * cols) * sizeof(float));
    // Uniform in ±√(3/K) has deviation K^-1/2.
    const float bound = std::sqrt(3.0f / static_cast<float>(cols));
    for (int64_t i = 0; i < count * cols; ++i) {
        uint64_t x = static_cast<uint64_t>(first * cols + i) * 0x9e3779b97f4a7c15u;   // splitmix64's mixer
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        constexpr float kUnit = 0x1p-31f;
        const float value =
            tensor.shape.size() == 1 ? 1.0f : bound * kUnit * static_cast<float>(static_cast<int32_t>(x >> 32));
        std::memcpy(scratch.data() + i * static_cast<int64_t>(sizeof value), &value, sizeof value);
    }
    return {.bytes = scratch, .dtype = DType::kF32};
}

}   // namespace llmft
