// What a step computes on. A micro-batch is a flat run of T tokens, documents one after another, no padding; how
// examples are grouped into micro-batches changes speed and memory, never the result.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/tensor.h"

namespace llmft {

constexpr int32_t kNoLoss = -100;   // target of a position whose next token is not learned (Hugging Face's label)

// A micro-batch on the host, as a BatchSource makes it.
struct HostBatch {
    std::vector<int32_t> ids;         // (T)
    std::vector<int32_t> positions;   // (T) restart at 0 in every document
    std::vector<int32_t>
        targets;   // (T) already shifted: the token that follows, or kNoLoss; kNoLoss at a document's end
    std::vector<int32_t> example;      // (T) the example's index in its epoch: keys random masks
    std::vector<int32_t> cu_seqlens;   // (B + 1) first token of each document, then T
    std::vector<int64_t> rows = {};    // (B) the documents' rows in the data, for messages; may be empty
    int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
    int64_t documents() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
};

struct DocumentLength {
    int64_t queries;   // tokens in the batch
    int64_t keys;      // and those of a cache before them
};

// The same on the device (uploaded by BatchSlots).
struct Batch {
    Tensor ids, positions, targets;   // (1, T) int32
    Tensor example;                   // (1, T) int32
    Tensor cu_q, cu_k;                // (1, B + 1) int32; they differ where keys come from a cache
    Tensor cache_rows;                // (1, T) int32: where a cache takes each token's key and value; empty without one
    Tensor loss_index;       // (1, Q') int32: rows of the run that carry loss, filled up to whole head chunks with −1
    Tensor loss_targets;     // (1, Q') int32: their targets, filled up with kNoLoss
    Tensor loss_example;     // (1, Q') int32: their keys of random masks, filled up with 0
    Tensor loss_positions;   // (1, Q') int32
    int64_t tokens = 0;      // T
    int64_t documents = 0;   // B
    int64_t loss_rows = 0;   // Q, known to the host so that shapes are
    std::vector<DocumentLength> lengths;   // of the B documents: what attention costs
};

// The examples of one optimizer step.
struct Window {
    std::vector<HostBatch> micro_batches;
    int64_t examples = 0;
    int64_t input_tokens = 0;
    double epoch = 0;   // epochs finished when this window is done, a fraction
};

// Where windows come from. The order is a pure function of (seed, epoch), so that a position is three numbers.
class BatchSource {
public:
    virtual ~BatchSource() = default;
    virtual int64_t windows_per_epoch() const = 0;
    // The window of optimizer step `step`, from 0; epochs follow one another without end.
    virtual Window window(int64_t step) const = 0;
};

}   // namespace llmft
