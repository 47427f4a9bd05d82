// Base weights by id. Model code never holds a weight: it acquires a lease for one pass and reads the tensor while the
// lease lives. That is the seat of every way to keep a weight: resident today; dequantised into scratch, streamed from
// the host or gathered from ranks, all behind the same call. A prefetcher replays the order of `acquire` that the dry
// run recorded.
#pragma once

#include <string_view>
#include <vector>

#include "engine/core/run.h"

namespace llmft {

enum class Pass : uint8_t { kForward, kBackward };

struct WeightId {
    int32_t index = -1;   // −1: no weight
    explicit operator bool() const { return index >= 0; }
};

// The weight for the time of one pass. It may not outlive the scope that acquired it.
struct Lease {
    Tensor weight;   // (N + P, K + P) for a linear with P spare rows and columns, else (N, K)
};

class WeightStore {
public:
    // A resident weight: a zeroed persistent slot of the arena, filled once by the loader through `resident`.
    WeightId add(std::string_view name, DType dtype, int64_t rows, int64_t cols, Arena& arena);
    // The same with P spare rows and columns around the base (N, K).
    WeightId add_with_spare(std::string_view name, DType dtype, int64_t n, int64_t k, int64_t p, Arena& arena);
    // A weight that is a trained parameter itself: parameter and computation share the bytes (f32 runs of `full`).
    WeightId add_view(const Tensor& parameter);

    Lease acquire(WeightId id, Pass pass, Run& run) const;
    // The slot itself, to fill or publish into; only for resident weights.
    Tensor resident(WeightId id) const;
    // Its parts: (N, K), only for resident weights; what lies below, (P, K), and beside, (N, P).
    Tensor base(WeightId id) const;
    Tensor spare_rows(WeightId id) const;
    Tensor spare_columns(WeightId id) const;

private:
    struct Entry {
        Tensor whole;   // (N + P, K + P)
        int64_t spare = 0;
    };
    const Entry& at(WeightId id) const;

    std::vector<Entry> weights_;
};

}   // namespace llmft
