// A model's weights without a file: for timing, where values do not matter but must not overflow or vanish.
#pragma once

#include "engine/io/model_weights.h"
#include "model/decoder.h"

namespace llmft {

// Every target of a decoder, in f32: vectors are ones, matrices (N, K) uniform with deviation K^-1/2. The same every
// time.
class RandomWeights final : public ModelWeights {
public:
    explicit RandomWeights(const std::vector<WeightTarget>& targets);
    StoredRows rows(const StoredTensor& tensor, int64_t first, int64_t count,
                    std::vector<std::byte>& scratch) const override;
    void release(const StoredTensor&) const override {}
    void expect_intact() const override {}
};

}   // namespace llmft
