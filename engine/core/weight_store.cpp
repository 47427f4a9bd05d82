#include "engine/core/weight_store.h"

namespace llmft {

WeightId WeightStore::add(std::string_view name, DType dtype, int64_t rows, int64_t cols, Arena& arena) {
    return add_view(arena.persistent(name, dtype, rows, cols));
}

WeightId WeightStore::add_view(const Tensor& parameter) {
    weights_.push_back(parameter);
    return {static_cast<int32_t>(weights_.size()) - 1};
}

Lease WeightStore::acquire(WeightId id, Pass, Run&) const {
    return {resident(id)};
}

Tensor WeightStore::resident(WeightId id) const {
    if (id.index < 0 || id.index >= static_cast<int32_t>(weights_.size()))
        throw InternalError("weight store: a weight that was never added");
    return weights_[static_cast<size_t>(id.index)];
}

}   // namespace llmft
