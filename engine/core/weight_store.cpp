#include "engine/core/weight_store.h"

namespace llmft {

WeightId WeightStore::add(std::string_view name, DType dtype, int64_t rows, int64_t cols, Arena& arena) {
    return add_view(arena.persistent(name, dtype, rows, cols));
}

WeightId WeightStore::add_with_spare(std::string_view name, DType dtype, int64_t n, int64_t k, int64_t p,
                                     Arena& arena) {
    const WeightId id = add(name, dtype, n + p, k + p, arena);
    weights_.back().spare = p;
    return id;
}

WeightId WeightStore::add_view(const Tensor& parameter) {
    weights_.push_back({.whole = parameter});
    return {static_cast<int32_t>(weights_.size()) - 1};
}

Lease WeightStore::acquire(WeightId id, Pass, Run&) const {
    return {resident(id)};
}

const WeightStore::Entry& WeightStore::at(WeightId id) const {
    if (id.index < 0 || id.index >= static_cast<int32_t>(weights_.size()))
        throw InternalError("weight store: a weight that was never added");
    return weights_[static_cast<size_t>(id.index)];
}

Tensor WeightStore::resident(WeightId id) const {
    return at(id).whole;
}

Tensor WeightStore::base(WeightId id) const {
    const Entry& e = at(id);
    return e.whole.row_slice(0, e.whole.rows - e.spare).columns(0, e.whole.cols - e.spare);
}

Tensor WeightStore::spare_rows(WeightId id) const {
    const Entry& e = at(id);
    return e.whole.row_slice(e.whole.rows - e.spare, e.spare).columns(0, e.whole.cols - e.spare);
}

Tensor WeightStore::spare_columns(WeightId id) const {
    const Entry& e = at(id);
    return e.whole.row_slice(0, e.whole.rows - e.spare).columns(e.whole.cols - e.spare, e.spare);
}

}   // namespace llmft
