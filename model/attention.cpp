#include "model/attention.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/rope.h"

namespace llmft {
namespace {

struct Qkv {
    Tensor q, k, v;
};

Qkv split(const Attention& a, const Tensor& qkv) {
    const int64_t q = a.heads * a.head_dim, kv = a.kv_heads * a.head_dim;
    return {qkv.columns(0, q), qkv.columns(q, kv), qkv.columns(q + kv, kv)};
}

const ops::AttentionShape& shape(const Attention& a, const LayerContext& c) {
    return a.window > 0 ? c.windowed : c.attention;
}

void copy(const Tensor& from, const Tensor& to, Run& run) {
    ops::cast({.x = from, .y = to, .scale = 1}, run);
}

void rotate(const Attention& a, const Tensor& qkv, RopeDirection direction, const LayerContext& c, Run& run) {
    const Tensor q_and_k = qkv.columns(0, (a.heads + a.kv_heads) * a.head_dim);
    ops::rope_apply({.x = q_and_k, .cos = c.cos, .sin = c.sin, .direction = direction}, run);
}

// Appends the new rows and returns all of the document's.
Qkv through_cache(const Qkv& t, KeyValueCache& cache, Run& run) {
    copy(t.k, cache.k.row_slice(cache.filled, t.k.rows), run);
    copy(t.v, cache.v.row_slice(cache.filled, t.v.rows), run);
    const int64_t rows = cache.filled + t.k.rows;
    return {t.q, cache.k.row_slice(0, rows), cache.v.row_slice(0, rows)};
}

}   // namespace

void attention_forward(const Attention& a, const Tensor& x, const AttentionSaved& saved, const Tensor& x_mid,
                       KeyValueCache* cache, const LayerContext& c, Run& run) {
    {
        const Arena::Mark scratch(run.arena);
        const Tensor h = run.arena.take("attention.norm", x.dtype, x.rows, x.cols, x.cols + a.qkv.p);   // (T, C | P)
        norm_forward(a.norm, x, h, c.linear, run);
        linear_forward(a.qkv, {.x = h, .y = saved.qkv, .out_mode = OutMode::kOverwrite, .s = saved.s_qkv}, c.linear,
                       run);
    }
    rotate(a, saved.qkv, RopeDirection::kForward, c, run);
    Qkv t = split(a, saved.qkv);
    if (cache) t = through_cache(t, *cache, run);
    ops::attention_forward({.q = t.q, .k = t.k, .v = t.v, .o = saved.out, .lse = saved.lse, .shape = shape(a, c)}, run);
    copy(x, x_mid, run);
    linear_forward(a.o, {.x = saved.out, .y = x_mid, .out_mode = OutMode::kAccumulate, .s = saved.s_o}, c.linear, run);
}

void attention_backward(const Attention& a, const AttentionSaved& saved, const AttentionHalfBackward& t,
                        const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    const Tensor& x = t.x;
    const Tensor d_out = run.arena.take("attention.d_out", x.dtype, x.rows, a.o.k);   // (T, H·D)
    linear_backward(a.o, {.x = saved.out, .s = saved.s_o, .d_y = t.d_x, .d_x = d_out}, c.linear, run);

    const Tensor d_qkv = run.arena.take("attention.d_qkv", x.dtype, x.rows, a.qkv.n, a.qkv.n + a.qkv.p);   // (T, N | P)
    const Qkv f = split(a, saved.qkv), d = split(a, d_qkv);
    ops::attention_backward({.q = f.q,
                             .k = f.k,
                             .v = f.v,
                             .o = saved.out,
                             .lse = saved.lse,
                             .d_o = d_out,
                             .d_q = d.q,
                             .d_k = d.k,
                             .d_v = d.v,
                             .shape = shape(a, c)},
                            run);
    rotate(a, d_qkv, RopeDirection::kBackward, c, run);

    const Tensor h = run.arena.take("attention.norm", x.dtype, x.rows, x.cols);
    const Tensor rstd = norm_forward(a.norm, x, h, c.linear, run);
    const bool needed = t.input == AttentionHalfBackward::Input::kNeeded || a.norm.w;   // its own gradient, if none below
    const Tensor d_h = needed ? run.arena.take("attention.d_norm", x.dtype, x.rows, x.cols) : Tensor{};
    linear_backward(a.qkv, {.x = h, .s = saved.s_qkv, .d_y = d_qkv, .d_x = d_h}, c.linear, run);
    if (needed) norm_backward(a.norm, {.x = x, .rstd = rstd, .d_y = d_h, .d_x = t.d_x}, c.linear, run);
}

}   // namespace llmft
