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

// q and k, side by side in the first columns.
void rotate(const Attention& a, const Tensor& qkv, RopeDirection direction, const LayerContext& c, Run& run) {
    const Tensor q_and_k = qkv.columns(0, (a.heads + a.kv_heads) * a.head_dim);
    ops::rope_apply({.x = q_and_k, .cos = c.cos, .sin = c.sin, .direction = direction}, run);
}

// Queries, keys and values as attention takes them, from saved.qkv. Without norms of heads it was turned in place; with
// them it stays as projected, and q and k are made (again) in scratch of the caller's Mark.
struct Prepared {
    Qkv to_attend;
    Tensor rstd_q, rstd_k;   // with norms of heads
};
Prepared norm_and_rotate(const Attention& a, const Tensor& qkv, const LayerContext& c, Run& run) {
    const Qkv projected = split(a, qkv);
    const Tensor scratch = run.arena.take("attention.qk", qkv.dtype, qkv.rows, (a.heads + a.kv_heads) * a.head_dim);
    const Tensor q = scratch.columns(0, projected.q.cols), k = scratch.columns(q.cols, projected.k.cols);
    const Tensor rstd_q = norm_forward(a.head_norms->q, projected.q, q, c.linear, run);
    const Tensor rstd_k = norm_forward(a.head_norms->k, projected.k, k, c.linear, run);
    rotate(a, scratch, RopeDirection::kForward, c, run);
    return {{q, k, projected.v}, rstd_q, rstd_k};
}

// d_q and d_k of what was normed → of what was projected, in place; their old place in `forward` is overwritten.
void head_norms_backward(const Attention& a, const Tensor& qkv, const Prepared& forward, const Qkv& d,
                         const LayerContext& c, Run& run) {
    const Qkv projected = split(a, qkv);
    const auto backward = [&](const Norm& norm, const Tensor& x, const Tensor& rstd, const Tensor& room,
                              const Tensor& d_x) {
        copy(d_x, room, run);
        run.device.zero(d_x, run.stream);   // norm_backward adds
        norm_backward(norm, {.x = x, .rstd = rstd, .d_y = room, .d_x = d_x}, c.linear, run);
    };
    backward(a.head_norms->q, projected.q, forward.rstd_q, forward.to_attend.q, d.q);
    backward(a.head_norms->k, projected.k, forward.rstd_k, forward.to_attend.k, d.k);
}

// Keys and values of all tokens so far, the new ones put among them.
Qkv through_cache(const Qkv& t, const KeyValueCache& cache, const LayerContext& c, Run& run) {
    ops::scatter_rows({.x = t.k, .y = cache.k, .index = c.cache_rows}, run);
    ops::scatter_rows({.x = t.v, .y = cache.v, .index = c.cache_rows}, run);
    return {t.q, cache.k, cache.v};
}

}   // namespace

void attention_forward(const Attention& a, const Tensor& x, const AttentionSaved& saved, const Tensor& x_mid,
                       const KeyValueCache* cache, const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    {
        const Arena::Mark norm_scratch(run.arena);
        const Tensor h = run.arena.take("attention.norm", x.dtype, x.rows, x.cols, x.cols + a.qkv.p);   // (T, C | P)
        norm_forward(a.norm, x, h, c.linear, run);
        linear_forward(a.qkv, {.x = h, .y = saved.qkv, .out_mode = OutMode::kOverwrite, .s = saved.s_qkv}, c.linear,
                       run);
    }
    if (!a.head_norms) rotate(a, saved.qkv, RopeDirection::kForward, c, run);
    Qkv t = a.head_norms ? norm_and_rotate(a, saved.qkv, c, run).to_attend : split(a, saved.qkv);
    if (cache) t = through_cache(t, *cache, c, run);
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
    const Prepared forward =
        a.head_norms ? norm_and_rotate(a, saved.qkv, c, run) : Prepared{split(a, saved.qkv), {}, {}};
    const Qkv& f = forward.to_attend;
    const Qkv d = split(a, d_qkv);
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
    if (a.head_norms) head_norms_backward(a, saved.qkv, forward, d, c, run);

    const Tensor h = run.arena.take("attention.norm", x.dtype, x.rows, x.cols);
    const Tensor rstd = norm_forward(a.norm, x, h, c.linear, run);
    const bool needed = t.input == AttentionHalfBackward::Input::kNeeded || a.norm.w;
    const Tensor d_h = needed ? run.arena.take("attention.d_norm", x.dtype, x.rows, x.cols) : Tensor{};
    linear_backward(a.qkv, {.x = h, .s = saved.s_qkv, .d_y = d_qkv, .d_x = d_h}, c.linear, run);
    if (needed) norm_backward(a.norm, {.x = x, .rstd = rstd, .d_y = d_h, .d_x = t.d_x}, c.linear, run);
}

}   // namespace llmft
