#include "model/lm_loss.h"

#include "engine/ops/cross_entropy.h"
#include "engine/ops/elementwise.h"

namespace llmft {
namespace {

struct Chunk {
    Tensor index, targets, example, positions, d_logp, loss, correct;   // (1, chunk_rows); d_logp empty: −1 everywhere
    Tensor sums;                                                        // empty: they were added up before
};

// One chunk forward, and backward where d_x is wanted.
void chunk_loss(const Head& head, const Tensor& x, const Chunk& chunk, const Tensor& d_x, const LinearContext& whole,
                Run& run) {
    const Arena::Mark scratch(run.arena);
    const LinearGroup& g = head.projection;
    LinearContext c = whole;
    c.keys = {.example = chunk.example, .positions = chunk.positions};
    const Tensor rows = run.arena.take("head.rows", x.dtype, head.chunk_rows, x.cols);
    const Tensor h = run.arena.take("head.norm", x.dtype, head.chunk_rows, x.cols, x.cols + g.p);    // (Q, C | P)
    const Tensor logits = run.arena.take("head.logits", x.dtype, head.chunk_rows, g.n, g.n + g.p);   // (Q, V | P)
    const Tensor s = d_x && g.p ? run.arena.take("saved.lora_s", x.dtype, head.chunk_rows, g.p) : Tensor{};
    ops::gather_rows({.x = x, .y = rows, .index = chunk.index}, run);
    const Tensor rstd = norm_forward(head.norm, rows, h, c, run);
    linear_forward(g, {.x = h, .y = logits, .out_mode = OutMode::kOverwrite, .s = s}, c, run);
    ops::cross_entropy({.logits = logits,
                        .targets = chunk.targets,
                        .d_logp = chunk.d_logp,
                        .loss = chunk.loss,
                        .correct = chunk.correct,
                        .after = d_x ? LogitsAfter::kGradient : LogitsAfter::kKept},
                       run);
    if (chunk.sums) ops::loss_sums({.loss = chunk.loss, .correct = chunk.correct, .sums = chunk.sums}, run);
    if (!d_x) return;

    const Tensor d_h = run.arena.take("head.d_norm", x.dtype, head.chunk_rows, x.cols);
    linear_backward(g, {.x = h, .s = s, .d_y = logits, .d_x = d_h}, c, run);
    const Tensor d_rows = run.arena.take("head.d_rows", x.dtype, head.chunk_rows, x.cols);
    run.device.zero(d_rows, run.stream);
    norm_backward(head.norm, {.x = rows, .rstd = rstd, .d_y = d_h, .d_x = d_rows}, c, run);
    ops::scatter_rows({.x = d_rows, .y = d_x, .index = chunk.index}, run);
}

// All chunks of the batch. d_logp and sums: empty as in Chunk.
void all_chunks(const Head& head, const Tensor& x, const Batch& batch, const Tensor& d_logp, const Tensor& d_x,
                const LossOutputs& out, const LinearContext& c, Run& run) {
    for (int64_t first = 0; first < batch.loss_rows; first += head.chunk_rows) {
        const auto part = [&](const Tensor& t) { return t ? t.columns(first, head.chunk_rows) : t; };
        chunk_loss(head, x,
                   {.index = part(batch.loss_index),
                    .targets = part(batch.loss_targets),
                    .example = part(batch.loss_example),
                    .positions = part(batch.loss_positions),
                    .d_logp = part(d_logp),
                    .loss = part(out.loss),
                    .correct = part(out.correct),
                    .sums = out.sums},
                   d_x, c, run);
    }
}

}   // namespace

void lm_loss(const Head& head, const Tensor& x, const Batch& batch, const LossOutputs& out, const LinearContext& c,
             Run& run) {
    const Profile::Range range(run.profile, "head");
    all_chunks(head, x, batch, {}, {}, out, c, run);
}

void lm_loss_backward(const Head& head, const Objective& objective, const Tensor& x, const Batch& batch,
                      const Tensor& d_x, const LossOutputs& out, const LinearContext& c, Run& run) {
    const Profile::Range range(run.profile, "head");
    run.device.zero(d_x, run.stream);
    if (objective.head() == Objective::Head::kFused) return all_chunks(head, x, batch, {}, d_x, out, c, run);
    all_chunks(head, x, batch, {}, {}, out, c, run);
    const Arena::Mark scratch(run.arena);
    const Tensor d_logp = run.arena.take("head.d_logp", DType::kF32, 1, batch.loss_index.cols);
    objective.d_logp({.loss = out.loss.columns(0, batch.loss_index.cols)}, batch, d_logp, run);
    all_chunks(head, x, batch, d_logp, d_x, {.loss = out.loss, .correct = out.correct, .sums = {}}, c, run);
}

void lm_logits(const Head& head, const Tensor& x, const Tensor& logits, const LinearContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    const Tensor h = run.arena.take("head.norm", x.dtype, x.rows, x.cols, x.cols + head.projection.p);
    norm_forward(head.norm, x, h, c, run);
    linear_forward(head.projection, {.x = h, .y = logits, .out_mode = OutMode::kOverwrite, .s = {}}, c, run);
}

}   // namespace llmft
