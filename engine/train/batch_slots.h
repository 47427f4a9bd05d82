// The persistent device room of one micro-batch, sized once for the largest; every micro-batch is uploaded into it.
#pragma once

#include "engine/core/run.h"
#include "engine/train/batch.h"

namespace llmft {

class BatchSlots {
public:
    // tokens: the most that a micro-batch holds. head_chunk: loss rows are filled up to a multiple of it.
    BatchSlots(int64_t tokens, int64_t head_chunk, Arena& arena);
    Batch upload(const HostBatch& host, Run& run) const;

private:
    int64_t tokens_;
    int64_t head_chunk_;
    Tensor ids_, positions_, targets_, example_, cu_, loss_index_, loss_targets_, loss_example_, loss_positions_;
};

}   // namespace llmft
