#include "model/decode.h"

#include <algorithm>
#include <numeric>

namespace llmft {

DecodeSlots::DecodeSlots(const Decoder& model, int64_t capacity, int64_t prompt_tokens, DType dtype, Run& run)
    : capacity_(capacity),
      batch_(prompt_tokens, 1, run.arena),
      cu_k_(run.arena.persistent("batch", DType::kI32, 1, 2)) {
    const int64_t width = model.config().num_key_value_heads * model.config().head_dim;
    for (size_t l = 0; l < model.blocks().size(); ++l)
        caches_.push_back({.k = run.arena.persistent("key_value_cache", dtype, capacity, width),
                           .v = run.arena.persistent("key_value_cache", dtype, capacity, width)});
}

// Appends ids to the document; the logits after the last one.
std::vector<float> DecodeSlots::feed(Decoder& model, std::span<const int32_t> ids, Run& run) {
    const auto filled = static_cast<int32_t>(caches_.front().filled);
    const auto count = static_cast<int32_t>(ids.size());
    HostBatch host = {.ids = {ids.begin(), ids.end()},
                      .positions = std::vector<int32_t>(ids.size()),
                      .targets = std::vector<int32_t>(ids.size(), kNoLoss),
                      .example = std::vector<int32_t>(ids.size()),
                      .cu_seqlens = {0, count}};
    std::iota(host.positions.begin(), host.positions.end(), filled);
    Batch batch = batch_.upload(host, run);
    const int32_t cu_k[2] = {0, filled + count};
    run.device.upload(cu_k_, cu_k, run.stream);
    batch.cu_k = cu_k_;
    batch.lengths = {{.queries = count, .keys = filled + count}};
    return model.logits(batch, 1, &caches_, run);
}

Decoded DecodeSlots::greedy(Decoder& model, std::span<const int32_t> prompt, const DecodeOptions& options,
                            const std::function<void(int32_t)>& on_token, Run& run) {
    for (KeyValueCache& cache : caches_) cache.filled = 0;
    Decoded decoded;
    if (options.max_new_tokens == 0) return decoded;
    std::vector<float> logits = feed(model, prompt, run);
    for (;;) {
        const auto id = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        decoded.ids.push_back(id);
        if (on_token) on_token(id);
        if (std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end()) {
            decoded.finish = FinishReason::kStop;
            return decoded;
        }
        const auto length = static_cast<int64_t>(prompt.size() + decoded.ids.size());
        if (static_cast<int64_t>(decoded.ids.size()) == options.max_new_tokens || length >= capacity_) return decoded;
        logits = feed(model, {&id, 1}, run);
    }
}

}   // namespace llmft
