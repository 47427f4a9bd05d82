// Base weights by id. Model code never holds a weight: it acquires a lease for one pass and reads the tensor while the
// lease lives. That is the seat of every way to keep a weight: resident, or decoded from four bits into scratch, today;
// streamed from the host or gathered from ranks, all behind the same call. A prefetcher replays the order of `acquire`
// that the dry run recorded.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/quant/quant4_tensor.h"

namespace llmft {

enum class Pass : uint8_t { kForward, kBackward };

struct WeightId {
    int32_t index = -1;   // −1: no weight
    explicit operator bool() const { return index >= 0; }
};

// The weight for the time of one pass. It may not outlive the scope that acquired it.
struct Lease {
    Tensor weight;                             // (N + P, K + P) for a linear with P spare rows and columns, else (N, K)
    std::optional<Arena::Mark> scratch = {};   // what the weight lies in, where it is not resident
};

class WeightStore {
public:
    // A resident weight: a zeroed persistent slot of the arena, filled once by the loader through `resident`.
    WeightId add(std::string_view name, DType dtype, int64_t rows, int64_t cols, Arena& arena);
    // The same with P spare rows and columns around the base (N, K).
    WeightId add_with_spare(std::string_view name, DType dtype, int64_t n, int64_t k, int64_t p, Arena& arena);
    // The same with a base of stacked parts of which some are kept in four bits: codes under `name`, scales under
    // "weights.scales", and what is not in four bits as it is. A lease has the whole in scratch, "weights.decoded".
    struct Part {
        enum class Kept : uint8_t { kDense, kQuant4 } kept;
        int64_t rows;
    };
    WeightId add_packed(std::string_view name, DType dtype, const std::vector<Part>& parts, int64_t k, int64_t p,
                        DoubleQuant double_quant, Arena& arena);
    // A weight that is a trained parameter itself: parameter and computation share the bytes (f32 runs of `full`).
    WeightId add_view(const Tensor& parameter);

    Lease acquire(WeightId id, Pass pass, Run& run) const;
    // The slot itself, to fill or publish into; only for resident weights.
    Tensor resident(WeightId id) const;
    // Its parts: (N, K), only for resident weights; rows of that, not for those in four bits; what lies below, (P, K),
    // and beside, (N, P).
    Tensor base(WeightId id) const;
    Tensor base_rows(WeightId id, int64_t first, int64_t rows) const;
    Tensor spare_rows(WeightId id) const;
    Tensor spare_columns(WeightId id) const;
    // Whether a part in four bits begins at row `first`; and that part, to be filled.
    bool in_four_bits(WeightId id, int64_t first) const;
    Quant4Tensor& packed(WeightId id, int64_t first);

private:
    struct PackedPart {
        int64_t first;
        int64_t rows;
        Tensor dense;   // (rows, K), or empty:
        Quant4Tensor quantised;
    };
    struct Packed {
        DType dtype;   // of the lease
        int64_t n;
        int64_t k;
        std::vector<PackedPart> parts;
        Tensor spare_rows, spare_columns;
    };
    struct Entry {
        Tensor whole;   // (N + P, K + P)
        int64_t spare = 0;
        std::optional<Packed> packed = {};   // instead of the whole
    };
    const Entry& at(WeightId id) const;
    static Lease decoded(const Packed&, int64_t spare, Run&);

    std::vector<Entry> weights_;
};

}   // namespace llmft
