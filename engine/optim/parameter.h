// What is trained: f32 masters and their gradients, each in one flat buffer, so that clipping, collectives and the
// optimizer are one launch each. Decayed parameters come first. A block is what must lie together: the stacked weights
// or adapters of linears that share an input; blocks begin at multiples of kBlockAlignment elements, and the gaps stay
// zero.
#pragma once

#include <string>
#include <vector>

#include "engine/core/run.h"

namespace llmft {

enum class Decay : uint8_t { kYes, kNo };

struct Parameter {
    std::string name;   // Hugging Face's, e.g. "model.layers.0.self_attn.q_proj.lora_A.weight"
    Decay decay;
    int64_t rows;
    int64_t cols;
    Tensor value;         // (rows, cols) f32
    Tensor grad;          // (rows, cols) f32: sums over the window, unscaled
    int64_t offset = 0;   // of value and grad in the flat buffers, in elements
};

// A range of the flat gradient, in elements.
struct Range {
    int64_t first = 0;
    int64_t count = 0;
};

class ParameterSet {
public:
    struct Part {
        std::string name;
        int64_t rows;
    };
    // Declares stacked parameters of equal width; returns the block's index.
    size_t add_block(const std::vector<Part>& parts, int64_t cols, Decay decay);
    // After the last add_block: places everything in the arena.
    void allocate(Arena& arena);

    // The block as one matrix (Σ rows, cols).
    Tensor value(size_t block) const;
    Tensor grad(size_t block) const;
    Range range(size_t block) const;

    const std::vector<Parameter>& parameters() const { return parameters_; }
    int64_t count() const;   // trainable numbers, without the gaps

    Tensor values() const { return values_; }   // (1, n) flat, gaps included
    Tensor values(Decay) const;                 // a part of it; n may be 0
    Tensor grads(Decay) const;
    Tensor grads() const { return grads_; }

    static constexpr int64_t kBlockAlignment = 64;

private:
    struct Block {
        size_t first_parameter;
        size_t parts;
        int64_t rows;
        int64_t cols;
        Decay decay;
        int64_t offset;
    };
    Tensor flat_part(const Tensor& flat, Decay) const;
    Tensor matrix(const Tensor& flat, const Block&) const;

    std::vector<Parameter> parameters_;
    std::vector<Block> blocks_;
    int64_t decayed_ = 0;   // elements of the flat buffers that decay
    Tensor values_, grads_;
};

}   // namespace llmft
