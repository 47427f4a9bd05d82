// The attention half of a block: x_mid = x + o(attention(rope(qkv(norm(x))))). Some families norm queries and keys
// before RoPE, every head by itself.
#pragma once

#include <optional>

#include "engine/ops/attention.h"
#include "model/norm.h"
#include "model/saved.h"

namespace llmft {

struct HeadNorms {
    Norm q, k;   // of D channels
};

struct Attention {
    Norm norm;
    LinearGroup qkv;   // rows: H·D of q, Hk·D of k, Hk·D of v
    std::optional<HeadNorms> head_norms;
    LinearGroup o;
    int64_t heads = 0;
    int64_t kv_heads = 0;
    int64_t head_dim = 0;
    int64_t window = 0;   // keys that a query sees, its own the last; 0: all before it
};

// Keys and values of documents as far as they were decoded. A forward puts those of its tokens in the batch's
// cache_rows and attends to the rows that cu_k names.
struct KeyValueCache {
    Tensor k, v;   // (rows, Hk·D)
};

// What a forward or backward of one micro-batch shares over all layers.
struct LayerContext {
    LinearContext linear;
    Tensor cos, sin;                 // (T, D/2)
    Tensor cache_rows;               // (1, T)
    ops::AttentionShape attention;   // of layers without a window
    ops::AttentionShape windowed;    // of the others: all have the model's one
};

// x (T, C) → x_mid (T, C). cache: null while training.
void attention_forward(const Attention&, const Tensor& x, const AttentionSaved&, const Tensor& x_mid,
                       const KeyValueCache* cache, const LayerContext&, Run&);

struct AttentionHalfBackward {
    Tensor x;     // (T, C) the half's input
    Tensor d_x;   // (T, C) in: gradient of x_mid; out: gradient of x. o's P spare columns beside it
    enum class Input : uint8_t { kNeeded, kNotNeeded } input;   // kNotNeeded: nothing trained lies below
};
void attention_backward(const Attention&, const AttentionSaved&, const AttentionHalfBackward&, const LayerContext&,
                        Run&);

}   // namespace llmft
