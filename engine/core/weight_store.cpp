#include "engine/core/weight_store.h"

#include <algorithm>

#include "engine/ops/elementwise.h"
#include "engine/ops/quant4.h"

namespace llmft {
namespace {

[[noreturn]] void refuse_packed() {
    throw InternalError("weight store: asked for the slot of a weight in four bits");
}

}   // namespace

WeightId WeightStore::add(std::string_view name, DType dtype, int64_t rows, int64_t cols, Arena& arena) {
    return add_view(arena.persistent(name, dtype, rows, cols));
}

WeightId WeightStore::add_with_spare(std::string_view name, DType dtype, int64_t n, int64_t k, int64_t p,
                                     Arena& arena) {
    const WeightId id = add(name, dtype, n + p, k + p, arena);
    weights_.back().spare = p;
    return id;
}

WeightId WeightStore::add_packed(std::string_view name, DType dtype, const std::vector<Part>& parts, int64_t k,
                                 int64_t p, DoubleQuant double_quant, Arena& arena) {
    Packed packed = {.dtype = dtype, .n = 0, .k = k, .parts = {}, .spare_rows = {}, .spare_columns = {}};
    for (const Part& part : parts) {
        PackedPart kept = {.first = packed.n, .rows = part.rows, .dense = {}, .quantised = {}};
        if (part.kept == Part::Kept::kQuant4)
            kept.quantised = quant4_slots(name, part.rows, k, double_quant, arena);
        else
            kept.dense = arena.persistent(name, dtype, part.rows, k);
        packed.parts.push_back(kept);
        packed.n += part.rows;
    }
    if (p > 0) {
        packed.spare_rows = arena.persistent("weights.adapters", dtype, p, k);
        packed.spare_columns = arena.persistent("weights.adapters", dtype, packed.n, p);
    }
    weights_.push_back({.whole = {}, .spare = p, .packed = std::move(packed)});
    return {static_cast<int32_t>(weights_.size()) - 1};
}

WeightId WeightStore::add_view(const Tensor& parameter) {
    weights_.push_back({.whole = parameter});
    return {static_cast<int32_t>(weights_.size()) - 1};
}

Lease WeightStore::acquire(WeightId id, Pass, Run& run) const {
    const Entry& e = at(id);
    if (e.packed) return decoded(*e.packed, e.spare, run);
    return {.weight = e.whole};
}

Lease WeightStore::decoded(const Packed& packed, int64_t spare, Run& run) {
    Lease lease = {.weight = {}, .scratch = std::optional<Arena::Mark>(std::in_place, run.arena)};
    lease.weight = run.arena.take("weights.decoded", packed.dtype, packed.n + spare, packed.k + spare);
    const Tensor& w = lease.weight;
    for (const PackedPart& part : packed.parts) {
        const Tensor to = w.row_slice(part.first, part.rows).columns(0, packed.k);
        if (part.dense)
            ops::cast({.x = part.dense, .y = to, .scale = 1}, run);
        else
            ops::quant4_decode({.weight = part.quantised, .y = to}, run);
    }
    if (spare > 0) {   // what lies in the corner of both nobody reads
        ops::cast({.x = packed.spare_rows, .y = w.row_slice(packed.n, spare).columns(0, packed.k), .scale = 1}, run);
        ops::cast({.x = packed.spare_columns, .y = w.row_slice(0, packed.n).columns(packed.k, spare), .scale = 1}, run);
    }
    return lease;
}

const WeightStore::Entry& WeightStore::at(WeightId id) const {
    if (id.index < 0 || id.index >= static_cast<int32_t>(weights_.size()))
        throw InternalError("weight store: a weight that was never added");
    return weights_[static_cast<size_t>(id.index)];
}

Tensor WeightStore::resident(WeightId id) const {
    const Entry& e = at(id);
    if (e.packed) refuse_packed();
    return e.whole;
}

Tensor WeightStore::base(WeightId id) const {
    const Tensor whole = resident(id);
    const int64_t spare = at(id).spare;
    return whole.row_slice(0, whole.rows - spare).columns(0, whole.cols - spare);
}

Tensor WeightStore::base_rows(WeightId id, int64_t first, int64_t rows) const {
    const Entry& e = at(id);
    if (!e.packed) return base(id).row_slice(first, rows);
    for (const PackedPart& part : e.packed->parts)
        if (part.first == first && part.rows == rows && part.dense) return part.dense;
    refuse_packed();
}

Tensor WeightStore::spare_rows(WeightId id) const {
    const Entry& e = at(id);
    if (e.packed) return e.packed->spare_rows;
    return e.whole.row_slice(e.whole.rows - e.spare, e.spare).columns(0, e.whole.cols - e.spare);
}

Tensor WeightStore::spare_columns(WeightId id) const {
    const Entry& e = at(id);
    if (e.packed) return e.packed->spare_columns;
    return e.whole.row_slice(0, e.whole.rows - e.spare).columns(e.whole.cols - e.spare, e.spare);
}

bool WeightStore::in_four_bits(WeightId id, int64_t first) const {
    const Entry& e = at(id);
    return e.packed && std::any_of(e.packed->parts.begin(), e.packed->parts.end(),
                                   [&](const PackedPart& part) { return part.first == first && !part.dense; });
}

Quant4Tensor& WeightStore::packed(WeightId id, int64_t first) {
    at(id);
    Entry& e = weights_[static_cast<size_t>(id.index)];
    if (e.packed)
        for (PackedPart& part : e.packed->parts)
            if (part.first == first && !part.dense) return part.quantised;
    throw InternalError("weight store: no part in four bits begins there");
}

}   // namespace llmft
