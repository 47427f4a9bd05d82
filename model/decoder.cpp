#include "model/decoder.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/rope.h"

namespace llmft {

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
    const Profile::Range range(run.profile, "forward");
    const int64_t half = config_.head_dim / 2;
    LayerContext c = {.linear = {.weights = weights_,
                                 .parameters = parameters_,
                                 .keys = {.example = batch.example, .positions = batch.positions},
                                 .mode = mode},
                      .cos = run.arena.take("rope.table", options_.dtype, batch.tokens, half),
                      .sin = run.arena.take("rope.table", options_.dtype, batch.tokens, half),
                      .cache_rows = batch.cache_rows,
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
        embedding_forward(embedding_, batch.ids, saved.front().x, c.linear, run);
        for (size_t l = 0; l < blocks_.size(); ++l)
            block_forward(blocks_[l], saved[l], l + 1 < blocks_.size() ? saved[l + 1].x : x_last, c, run);
    }
    int64_t spare = 0;   // room for dS of o and down beside the residual's gradient
    for (const Block& b : blocks_) spare = std::max({spare, b.attention.o.p, b.mlp.down.p});
    const Tensor d_x =
        run.arena.take("d_residual", options_.dtype, batch.tokens, config_.hidden_size, config_.hidden_size + spare);
    lm_loss_backward(head_, *options_.objective, x_last, batch, d_x, loss_, c.linear, run);
    loss_tokens_ += batch.loss_rows;
    if (head_.norm.w) sink.ready(parameters_.range(*head_.norm.w));
    report_ready(head_.projection, sink);

    const Profile::Range range(run.profile, "backward");
    const auto count = static_cast<int64_t>(blocks_.size());
    for (int64_t l = count - 1; l >= lowest_trained_; --l) {
        const bool needed = l > lowest_trained_ || embedding_.trains();
        using Input = AttentionHalfBackward::Input;
        block_backward(blocks_[static_cast<size_t>(l)], saved[static_cast<size_t>(l)], d_x,
                       needed ? Input::kNeeded : Input::kNotNeeded, c, run);
        report_ready(blocks_[static_cast<size_t>(l)], sink);
    }
    if (!embedding_.trains()) return;
    embedding_backward(embedding_, batch.ids, d_x, c.linear, run);
    for (const BlockId& block : {embedding_.w, embedding_.a, embedding_.b})
        if (block) sink.ready(parameters_.range(*block));
}

// A head that shares the trained embedding is ready with it.
void Decoder::report_ready(const LinearGroup& g, GradSink& sink) const {
    const bool later = shares_head_ && &g == &head_.projection;
    const auto ready = [&](const BlockId& block) {
        if (block) sink.ready(parameters_.range(*block));
    };
    if (!later) ready(g.w);
    ready(g.a);
    for (const LinearPart& part : g.parts)
        for (const BlockId& block : {part.b, part.bias, part.lora_bias}) ready(block);
}

void Decoder::report_ready(const Block& b, GradSink& sink) const {
    visit_modules(b, Visits{[&](const char*, const Norm& norm) {
                                if (norm.w) sink.ready(parameters_.range(*norm.w));
                            },
                            [&](const LinearGroup& g) { report_ready(g, sink); }});
}

// The last block's output (T, C), in the caller's Mark; nothing is kept for a backward.
Tensor Decoder::hidden(const Batch& batch, const std::vector<KeyValueCache>* caches, const LayerContext& c,
                       Run& run) const {
    Tensor x = run.arena.take("residual", options_.dtype, batch.tokens, config_.hidden_size);
    Tensor next = run.arena.take("residual", options_.dtype, batch.tokens, config_.hidden_size);
    const Profile::Range range(run.profile, "forward");
    embedding_forward(embedding_, batch.ids, x, c.linear, run);
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

// (rows, V) of x (rows, C).
std::vector<float> Decoder::head_logits(const Tensor& x, const LayerContext& c, Run& run) const {
    const Tensor logits = run.arena.take("logits", options_.dtype, x.rows, config_.vocab_size);
    const Tensor logits_f32 = run.arena.take("logits", DType::kF32, x.rows, config_.vocab_size);
    lm_logits(head_, x, logits, c.linear, run);
    ops::cast({.x = logits, .y = logits_f32, .scale = 1}, run);
    std::vector<float> host(static_cast<size_t>(logits_f32.count()));
    run.device.download(host.data(), logits_f32, run.stream);
    return host;
}

std::vector<float> Decoder::logits(const Batch& batch, int64_t rows, Run& run) const {
    const Arena::Mark step(run.arena);
    const LayerContext c = layer_context(batch, Mode::kEvaluate, run);
    return head_logits(hidden(batch, nullptr, c, run).row_slice(batch.tokens - rows, rows), c, run);
}

std::vector<float> Decoder::decode(const Batch& batch, Rows rows, const std::vector<KeyValueCache>& caches,
                                   Run& run) const {
    const Arena::Mark step(run.arena);
    const LayerContext c = layer_context(batch, rows == Rows::kOneByOne ? Mode::kDecode : Mode::kEvaluate, run);
    const Tensor x = hidden(batch, &caches, c, run);
    if (batch.loss_rows == 0) return {};
    const Tensor last = run.arena.take("head.rows", x.dtype, batch.loss_rows, x.cols);
    ops::gather_rows({.x = x, .y = last, .index = batch.loss_index.columns(0, batch.loss_rows)}, run);
    return head_logits(last, c, run);
}

void Decoder::publish(Run& run) const {
    embedding_publish(embedding_, weights_, parameters_, run);
    for (const Block& b : blocks_)
        visit_modules(b, Visits{[&](const char*, const Norm& norm) { norm_publish(norm, weights_, parameters_, run); },
                                [&](const LinearGroup& g) { linear_publish(g, weights_, parameters_, run); }});
    norm_publish(head_.norm, weights_, parameters_, run);
    linear_publish(head_.projection, weights_, parameters_, run);
}

}   // namespace llmft
