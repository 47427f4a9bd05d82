// Checked causal attention over documents; see kernels/attention/attention.h.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

// Which rows see which: host facts beside the device's offsets, so that cost and shapes are known without reading back.
struct AttentionShape {
    Tensor cu_q;         // (1, B + 1) int32
    Tensor cu_k;         // (1, B + 1) int32
    int64_t documents;   // B
    int64_t pairs;       // (query, key) pairs that meet, over all documents, see attention_pairs: cost only
    int64_t heads;       // H
    int64_t kv_heads;    // Hk
    int64_t head_dim;    // D
    int64_t window;      // keys that a query sees, its own the last; 0: all before it
    float scale;
};

// Pairs that meet in a document whose last `queries` tokens, of `keys`, are queries.
int64_t attention_pairs(int64_t queries, int64_t keys, int64_t window);

struct AttentionForward {
    Tensor q;     // (Tq, H·D)
    Tensor k;     // (Tk, Hk·D)
    Tensor v;     // (Tk, Hk·D)
    Tensor o;     // (Tq, H·D)
    Tensor lse;   // (Tq, H) f32
    AttentionShape shape;
};
void attention_forward(const AttentionForward&, Run&);

struct AttentionBackward {
    Tensor q, k, v, o;
    Tensor lse;             // (Tq, H)
    Tensor d_o;             // (Tq, H·D)
    Tensor d_q, d_k, d_v;   // overwritten
    AttentionShape shape;
};
void attention_backward(const AttentionBackward&, Run&);

}   // namespace llmft::ops
