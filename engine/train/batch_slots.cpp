#include "engine/train/batch_slots.h"

#include <fmt/format.h>

namespace llmft {
namespace {

int64_t round_up(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

Tensor put(const Tensor& slot, const std::vector<int32_t>& values, Run& run) {
    const Tensor part = slot.columns(0, static_cast<int64_t>(values.size()));
    if (!values.empty()) run.device.upload(part, values.data(), run.stream);
    return part;
}

}   // namespace

BatchSlots::BatchSlots(int64_t tokens, int64_t head_chunk, Arena& arena) : tokens_(tokens), head_chunk_(head_chunk) {
    const auto slot = [&](int64_t count) { return arena.persistent("batch", DType::kI32, 1, count); };
    ids_ = slot(tokens);
    positions_ = slot(tokens);
    targets_ = slot(tokens);
    example_ = slot(tokens);
    cu_ = slot(tokens + 1);
    loss_index_ = slot(round_up(tokens, head_chunk));
    loss_targets_ = slot(round_up(tokens, head_chunk));
    loss_example_ = slot(round_up(tokens, head_chunk));
    loss_positions_ = slot(round_up(tokens, head_chunk));
}

Batch BatchSlots::upload(const HostBatch& host, Run& run) const {
    if (host.tokens() == 0 || host.tokens() > tokens_)
        throw InternalError(fmt::format("micro-batch of {} tokens; the plan holds 1 to {}", host.tokens(), tokens_));
    Batch batch;
    batch.tokens = host.tokens();
    batch.documents = host.documents();
    std::vector<int32_t> index, targets, example, positions;
    for (int64_t t = 0; t < host.tokens(); ++t) {
        const int32_t target = host.targets[static_cast<size_t>(t)];
        if (target == kNoLoss) continue;
        index.push_back(static_cast<int32_t>(t));
        targets.push_back(target);
        example.push_back(host.example[static_cast<size_t>(t)]);
        positions.push_back(host.positions[static_cast<size_t>(t)]);
    }
    batch.loss_rows = static_cast<int64_t>(index.size());
    index.resize(static_cast<size_t>(round_up(batch.loss_rows, head_chunk_)), -1);
    targets.resize(index.size(), kNoLoss);
    example.resize(index.size(), 0);
    positions.resize(index.size(), 0);
    for (int64_t d = 0; d < batch.documents; ++d) {
        const int64_t length = host.cu_seqlens[static_cast<size_t>(d) + 1] - host.cu_seqlens[static_cast<size_t>(d)];
        batch.lengths.push_back({.queries = length, .keys = length});
    }
    batch.ids = put(ids_, host.ids, run);
    batch.positions = put(positions_, host.positions, run);
    batch.targets = put(targets_, host.targets, run);
    batch.example = put(example_, host.example, run);
    batch.cu_q = batch.cu_k = put(cu_, host.cu_seqlens, run);
    batch.loss_index = put(loss_index_, index, run);
    batch.loss_targets = put(loss_targets_, targets, run);
    batch.loss_example = put(loss_example_, example, run);
    batch.loss_positions = put(loss_positions_, positions, run);
    return batch;
}

}   // namespace llmft
