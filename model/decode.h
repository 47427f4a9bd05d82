// Generation of one document: prompt through the blocks once, then token by token over a key/value cache.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/train/batch_slots.h"
#include "model/decoder.h"

namespace llmft {

struct DecodeOptions {
    int64_t max_new_tokens = 256;
    std::vector<int32_t> stop_ids;   // end-of-sequence ids: produced last, not continued
};

enum class FinishReason : uint8_t { kStop, kLength };

struct Decoded {
    std::vector<int32_t> ids;   // new tokens, a stop id included
    FinishReason finish = FinishReason::kLength;
};

// Persistent slots for one document of up to `capacity` tokens (prompt and continuation).
class DecodeSlots {
public:
    DecodeSlots(const Decoder& model, int64_t capacity, int64_t prompt_tokens, DType dtype, Run& run);
    // Greedy: the first largest logit, deterministic. on_token is called for each new id as it comes (may be null).
    Decoded greedy(Decoder& model, std::span<const int32_t> prompt, const DecodeOptions& options,
                   const std::function<void(int32_t)>& on_token, Run& run);

private:
    std::vector<float> feed(Decoder& model, std::span<const int32_t> ids, Run& run);

    int64_t capacity_;
    BatchSlots batch_;
    Tensor cu_k_;   // (1, 2) int32
    std::vector<KeyValueCache> caches_;
};

}   // namespace llmft
