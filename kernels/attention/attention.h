// Causal attention over documents of one flat run, grouped heads, blocked with an online softmax (Milakov & Gimelshein
// 2018; Dao 2022): no T×T matrix exists. Query head h reads key/value head h / (H/Hk).
//   o[i] = Σ_j p[i,j]·v[j],  p = softmax_j(scale·q[i]·k[j]),  j ≤ i' = i + (len_k − len_q) inside the document
// and, with a sliding window of W keys, i' − W < j (transformers, masking_utils.py: the query's own key counts).
//   lse[i] = ln Σ_j exp(scale·q[i]·k[j])
// Backward recomputes p from lse:  dp[i,j] = d_o[i]·v[j],  δ[i] = d_o[i]·o[i],  ds = p·(dp − δ)·scale,
//   d_q[i] = Σ_j ds·k[j],  d_k[j] = Σ_i ds·q[i],  d_v[j] = Σ_i p·d_o[i], over all query heads of the group in order.
// cu_q and cu_k hold B+1 offsets each; they differ where keys come from a cache or a shared prompt. A query that sees
// no key has o = 0 and lse = −inf, and gives no gradient. q, k, v, o and their gradients share one dtype, f32 or bf16.
//
// CPU: D ≤ kMaxHeadDim, the same bits on every instruction set. Blocks of keys out of sight are skipped, and where a
// block begins depends on the document alone: a window that hides nothing changes no bit.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct AttentionForward {
    View q;                // (Tq, H·D)
    View k;                // (Tk, Hk·D)
    View v;                // (Tk, Hk·D)
    View o;                // (Tq, H·D)
    float* lse;            // (Tq, H)
    const int32_t* cu_q;   // (B + 1)
    const int32_t* cu_k;   // (B + 1)
    int64_t documents;     // B
    int64_t heads;         // H
    int64_t kv_heads;      // Hk
    int64_t head_dim;      // D
    int64_t window;        // W; 0: none
    float scale;
};

struct AttentionBackward {
    View q, k, v, o;    // as in forward
    const float* lse;   // (Tq, H)
    View d_o;           // (Tq, H·D)
    View d_q;           // (Tq, H·D)   overwritten; may not alias q
    View d_k;           // (Tk, Hk·D)  overwritten
    View d_v;           // (Tk, Hk·D)  overwritten
    float* delta;       // (Tq, H) scratch of CUDA; not touched by the CPU
    float* workspace;   // (Tk, 2·Hk·D) scratch of the CPU where the dtype is bf16: d_k and d_v in f32; else null
    const int32_t* cu_q;
    const int32_t* cu_k;
    int64_t documents;
    int64_t heads;
    int64_t kv_heads;
    int64_t head_dim;
    int64_t window;
    float scale;
};

namespace cpu {
constexpr int64_t kMaxHeadDim = 256;   // blocks lie on the stack
void attention_forward(const AttentionForward&);
void attention_backward(const AttentionBackward&);
int64_t attention_workspace_bytes(DType, int64_t keys, int64_t kv_heads, int64_t head_dim);   // keys: Tk
}   // namespace cpu
namespace cuda {
void attention_forward(const AttentionForward&, StreamHandle);
void attention_backward(const AttentionBackward&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
