// A LinearGroup owns the weights that share an input (q,k,v; o; gate,up; down): forward and backward of base and
// adapters together. LoRA lives in spare columns: with P = Σ ranks (rounded up), the group's weight has P spare rows
// and columns,
//
//        K         P
//   N  [ W      s·B ]      S = drop(X)·Aᵀ is written into the P spare columns beside X, and one product does base and
//   adapter: P  [ A       –  ]          Y = [X|S]·[W|sB]ᵀ
//
// (B block-diagonal over the group's linears), and backward dS = dY·(sB) goes beside dY:   dX = [dY|dS]·[W;A]. With
// dropout the adapter's part of dX leaves that product and becomes one masked rank-P pass. Scaling s = α/r, as PEFT
// (LoRA: Hu et al. 2021). One dropout mask per group, keyed by (seed, step, example, position, module, column):
// kernels/dropout/dropout.h. Biases are added to Y afterwards: the base's, and s times those of lora_B (`lora_bias`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/weight_store.h"
#include "engine/optim/parameter.h"
#include "engine/train/batch.h"

namespace llmft {

// A parameter block of what is trained, or nothing.
using BlockId = std::optional<size_t>;

// One linear of a group: rows [first_row, first_row + rows) of the stacked weight.
struct LinearPart {
    std::string name;   // Hugging Face module path: "model.layers.0.self_attn.q_proj"
    int64_t first_row;
    int64_t rows;
    int64_t rank = 0;    // 0: no adapter
    float scaling = 0;   // α/r
    int64_t first_spare = 0;
    bool trains_weight = false;
    int64_t first_trained = 0;   // its rows in the group's w_block
    BlockId b = {};              // B (rows, rank); A is in the group's a block
    BlockId bias = {};           // (1, rows) where the base's bias is trained
    BlockId lora_bias = {};      // (1, rows) of lora_B
};

struct LinearGroup {
    std::vector<LinearPart> parts;
    int64_t n = 0;   // Σ rows
    int64_t k = 0;
    int64_t ranks = 0;     // Σ ranks
    int64_t p = 0;         // ranks rounded up to kSpareAlignment; 0 without adapters
    int64_t trained = 0;   // Σ rows of parts whose weight is trained
    WeightId weight;
    WeightId bias;        // (1, N) of the base; absent where it has none
    WeightId lora_bias;   // (1, N) s·bias of lora_B; absent where no part has one
    BlockId a = {};       // the stacked A (Σ ranks, K)
    BlockId w = {};       // the stacked trained weights (trained, K)
    float dropout = 0;
    uint32_t dropout_module = 0;

    static constexpr int64_t kSpareAlignment = 8;   // elements: 16 bytes of bf16

    bool trains() const;   // anything of it
};

// What a dropout mask is keyed by, beside the run's rng.
struct DropoutKeys {
    Tensor example;     // (1, T)
    Tensor positions;   // (1, T)
};

// Everything a group's passes need from the model around it.
struct LinearContext {
    const WeightStore& weights;
    const ParameterSet& parameters;
    DropoutKeys keys;
    // kDecode: a row of each of a few documents, computed apart from one another. Dropout is on under kTrain alone.
    enum class Mode : uint8_t { kTrain, kEvaluate, kDecode } mode;
};

// y = x·wᵀ (+ y): all rows at once, or one by one.
struct Projection {
    Tensor x, w, y;   // (T, K), (N, K), (T, N)
    OutMode out_mode;
};
void project(const Projection&, const LinearContext&, Run&);

struct LinearForward {
    Tensor x;   // (T, K) with P spare columns beside it: S is written there
    Tensor y;   // (T, N)
    OutMode out_mode;
    Tensor s;   // (T, P) out: s·S, what the backward needs; empty without adapters or without a backward
};
void linear_forward(const LinearGroup&, const LinearForward&, const LinearContext&, Run&);

struct LinearBackward {
    Tensor x;     // (T, K) the forward's input; what lies beside it is not read
    Tensor s;     // (T, P) what forward left; empty without adapters
    Tensor d_y;   // (T, N) with P spare columns beside it: dS is written there
    Tensor d_x;   // (T, K) overwritten; empty: nobody below needs it
};
void linear_backward(const LinearGroup&, const LinearBackward&, const LinearContext&, Run&);

// Masters → compute storage, after the optimizer changed them: A and s·B into the spare rows and columns, biases, and
// the trained weight's compute copy.
void linear_publish(const LinearGroup&, const WeightStore&, const ParameterSet&, Run&);

}   // namespace llmft
