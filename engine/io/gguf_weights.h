// A GGUF file's tensors as the weights of a model: whoever knows the architecture says which tensor is which weight.
#pragma once

#include <string>
#include <vector>

#include "engine/io/gguf.h"
#include "engine/io/model_weights.h"

namespace llmft {

struct GgufPlacement {
    const GgufTensor* tensor;
    std::string name;   // the weight's
    // 0: rows as they are. Else the rows (of a vector: the elements) are those of so many heads, and of a head's n rows
    // 2i and 2i + 1 are a rotary pair that the weight has at i and i + n/2.
    int64_t paired_heads = 0;
};

// `gguf` has to outlive it. UserError SHAPE where heads do not divide the rows, DTYPE for a vector of heads in blocks.
std::unique_ptr<ModelWeights> gguf_weights(const Gguf& gguf, const std::vector<GgufPlacement>& placements);

}   // namespace llmft
