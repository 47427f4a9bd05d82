#include "model/decoder.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/embedding.h"
#include "engine/ops/rope.h"

namespace llmft {

using Training = LinearGroup::Training;
using Mode = LinearContext::Mode;

namespace {

ops::AttentionShape attention_shape(const ModelConfig& config, const Batch& batch, int64_t window) {
    int64_t pairs = 0;
    for (const DocumentLength& length : batch.lengths)
        pairs += ops::attention_pairs(length.queries, length.keys, window);
    return {.cu_q = batch.cu_q,
            .cu_k = batch.cu_k,
            .documents = batch.documents,
            .pairs = pairs,
            .heads = config.num_attention_heads,
            .kv_heads = config.num_key_value_heads,
            .head_dim = config.head_dim,
            .window = window,
            .scale = 1 / std::sqrt(static_cast<float>(config.head_dim))};
}

RopeLengths rope_lengths(const RopeConfig& rope) {
    using Rule = RopeLengths::Rule;
    return {.rule = rope.kind == RopeKind::kDynamic    ? Rule::kDynamic
                    : rope.kind == RopeKind::kLongRope ? Rule::kTwoSets
                                                       : Rule::kNone,
            .original = rope.original_max_positions,
            .theta = static_cast<float>(rope.theta),
            .factor = static_cast<float>(rope.factor)};
}

}   // namespace

// cos, sin and the attention's shapes, in the caller's Mark.
LayerContext Decoder::layer_context(const Batch& batch, Mode mode, Run& run) const {
    const int64_t half = config_.head_dim / 2;
    LayerContext c = {.linear = {.weights = weights_,
                                 .parameters = parameters_,
                                 .keys = {.example = batch.example, .positions = batch.positions},
                                 .mode = mode},
                      .cos = run.arena.take("rope.table", options_.dtype, batch.tokens, half),
                      .sin = run.arena.take("rope.table", options_.dtype, batch.tokens, half),
                      .attention = attention_shape(config_, batch, 0),
                      .windowed = attention_shape(config_, batch, config_.sliding_window)};
    ops::rope_table({.positions = batch.positions,
                     .inv_freq = inv_freq_,
                     .cos = c.cos,
                     .sin = c.sin,
                     .cu_q = batch.cu_q,
                     .cu_k = batch.cu_k,
                     .scaling = static_cast<float>(config_.rope.attention_scaling),
                     .lengths = rope_lengths(config_.rope)},
                    run);
    return c;
}

void Decoder::embed(const Batch& batch, const Tensor& x, Run& run) const {
    const Lease lease = weights_.acquire(embedding_, Pass::kForward, run);
    ops::embedding_forward({.ids = batch.ids, .table = lease.weight, .y = x}, run);
}

void Decoder::forward_backward(const Batch& batch, GradSink& sink, Run& run) {
    const Arena::Mark step(run.arena);
    const LayerContext c = layer_context(batch, Mode::kTrain, run);
    std::vector<BlockSaved> saved;
    for (size_t l = 0; l < blocks_.size(); ++l)
        saved.push_back(take_saved(blocks_[l], batch.tokens, config_.hidden_size, options_.dtype, options_.recompute[l],
                                   run.arena));
    const Tensor x_last = run.arena.take("residual", options_.dtype, batch.tokens, config_.hidden_size);
    {
        const Profile::Range range(run.profile, "forward");
        embed(batch, saved.front().x, run);
        for (size_t l = 0; l < blocks_.size(); ++l)
            block_forward(blocks_[l], saved[l], l + 1 < blocks_.size() ? saved[l + 1].x : x_last, c, run);
    }
    int64_t spare = 0;   // room for dS of o and down beside the residual's gradient
    for (const Block& b : blocks_) spare = std::max({spare, b.attention.o.p, b.mlp.down.p});
    const Tensor d_x =
        run.arena.take("d_residual", options_.dtype, batch.tokens, config_.hidden_size, config_.hidden_size + spare);
    lm_loss_backward(head_, *options_.objective, x_last, batch, d_x, loss_, c.linear, run);
    loss_tokens_ += batch.loss_rows;
    if (rest_ == Training::kFull) {
        sink.ready(parameters_.range(head_.norm.w_block));
        if (!config_.tie_word_embeddings) sink.ready(parameters_.range(head_.w_block));
    }

    const Profile::Range range(run.profile, "backward");
    const auto count = static_cast<int64_t>(blocks_.size());
    for (int64_t l = count - 1; l >= lowest_trained_; --l) {
        const bool needed = l > lowest_trained_ || rest_ == Training::kFull;
        using Input = AttentionHalfBackward::Input;
        block_backward(blocks_[static_cast<size_t>(l)], saved[static_cast<size_t>(l)], d_x,
                       needed ? Input::kNeeded : Input::kNotNeeded, c, run);
        report_ready(blocks_[static_cast<size_t>(l)], sink);
    }
    if (rest_ == Training::kFull) {
        ops::embedding_backward({.ids = batch.ids, .d_y = d_x, .d_table = parameters_.grad(embedding_block_)}, run);
        sink.ready(parameters_.range(embedding_block_));
    }
}

void Decoder::report_ready(const Block& b, GradSink& sink) const {
    for (const Norm* norm : {&b.attention.norm, &b.mlp.norm})
        if (norm->training == Training::kFull) sink.ready(parameters_.range(norm->w_block));
    for (const LinearGroup* g : {&b.attention.qkv, &b.attention.o, &b.mlp.gate_up, &b.mlp.down}) {
        if (g->training == Training::kFull) sink.ready(parameters_.range(g->w_block));
        if (g->ranks == 0) continue;
        sink.ready(parameters_.range(g->a_block));
        for (const LinearPart& part : g->parts)
            if (part.rank) sink.ready(parameters_.range(part.b_block));
    }
}

// The last block's output (T, C), in the caller's Mark; nothing is kept for a backward.
Tensor Decoder::hidden(const Batch& batch, std::vector<KeyValueCache>* caches, const LayerContext& c, Run& run) const {
    Tensor x = run.arena.take("residual", options_.dtype, batch.tokens, config_.hidden_size);
    Tensor next = run.arena.take("residual", options_.dtype, batch.tokens, config_.hidden_size);
    const Profile::Range range(run.profile, "forward");
    embed(batch, x, run);
    for (size_t l = 0; l < blocks_.size(); ++l) {
        block_evaluate(blocks_[l], x, next, caches ? &(*caches)[l] : nullptr, c, run);
        std::swap(x, next);
    }
    return x;
}

void Decoder::evaluate(const Batch& batch, Run& run) {
    const Arena::Mark step(run.arena);
    const LayerContext c = layer_context(batch, Mode::kEvaluate, run);
    lm_loss(head_, hidden(batch, nullptr, c, run), batch, loss_, c.linear, run);
    loss_tokens_ += batch.loss_rows;
}

Sums Decoder::take_sums(Run& run) {
    double sums[2] = {};
    run.device.download(sums, loss_.sums, run.stream);
    run.device.zero(loss_.sums, run.stream);
    const Sums result = {.loss = sums[0], .correct = sums[1], .tokens = loss_tokens_};
    loss_tokens_ = 0;
    return result;
}

Decoder::Scores Decoder::score(const Batch& batch, Run& run) {
    evaluate(batch, run);
    Scores scores = {.nll = std::vector<float>(static_cast<size_t>(batch.loss_rows)),
                     .correct = std::vector<int32_t>(static_cast<size_t>(batch.loss_rows))};
    run.device.download(scores.nll.data(), loss_.loss.columns(0, batch.loss_rows), run.stream);
    run.device.download(scores.correct.data(), loss_.correct.columns(0, batch.loss_rows), run.stream);
    return scores;
}

std::vector<float> Decoder::logits(const Batch& batch, int64_t rows, std::vector<KeyValueCache>* caches,
                                   Run& run) const {
    const Arena::Mark step(run.arena);
    const LayerContext c = layer_context(batch, Mode::kEvaluate, run);
    const Tensor x = hidden(batch, caches, c, run);
    if (caches)
        for (KeyValueCache& cache : *caches) cache.filled += batch.tokens;
    const Tensor logits = run.arena.take("logits", options_.dtype, rows, config_.vocab_size);
    const Tensor logits_f32 = run.arena.take("logits", DType::kF32, rows, config_.vocab_size);
    lm_logits(head_, x.row_slice(batch.tokens - rows, rows), logits, c.linear, run);
    ops::cast({.x = logits, .y = logits_f32, .scale = 1}, run);
    std::vector<float> host(static_cast<size_t>(logits_f32.count()));
    run.device.download(host.data(), logits_f32, run.stream);
    return host;
}

void Decoder::publish(Run& run) const {
    for (const Block& b : blocks_) {
        norm_publish(b.attention.norm, weights_, parameters_, run);
        norm_publish(b.mlp.norm, weights_, parameters_, run);
        for (const LinearGroup* g : {&b.attention.qkv, &b.attention.o, &b.mlp.gate_up, &b.mlp.down})
            linear_publish(*g, weights_, parameters_, run);
    }
    norm_publish(head_.norm, weights_, parameters_, run);
    if (rest_ != Training::kFull || options_.dtype == DType::kF32) return;
    ops::cast({.x = parameters_.value(embedding_block_), .y = weights_.resident(embedding_), .scale = 1}, run);
    if (!config_.tie_word_embeddings)
        ops::cast({.x = parameters_.value(head_.w_block), .y = weights_.resident(head_.weight), .scale = 1}, run);
}

}   // namespace llmft
