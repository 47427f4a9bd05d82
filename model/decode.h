// Generation of documents side by side, each with a place of its own in the key/value cache. A prompt goes through the
// blocks alone, in chunks of a fixed length; every further step computes one token of each document. What becomes of a
// document does not depend on the others: its chunks are cut by its own length, and a step's products are made row by
// row (kernels/gemv/gemv.h), so that even its bits are those of decoding it alone.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "engine/train/batch_slots.h"
#include "model/decoder.h"
#include "model/sampling.h"

namespace llmft {

struct DecodeShape {
    static constexpr int64_t kChunkTokens = 256;
    int64_t documents = 1;          // most side by side
    int64_t capacity = 0;           // most tokens of a document, prompt and continuation
    int64_t chunk = kChunkTokens;   // tokens of a prompt computed at once: bounds scratch
    // Most tokens of one computation.
    int64_t tokens() const { return std::max(documents, std::min(chunk, capacity)); }
};

class DecodeSlots {
public:
    DecodeSlots(const Decoder& model, const DecodeShape& shape, Run& run);

    const DecodeShape& shape() const { return shape_; }
    // The tokens of a document so far.
    std::span<const int32_t> tokens(int64_t document) const { return tokens_[static_cast<size_t>(document)]; }
    // Forgets the document from token `count` on.
    void truncate(int64_t document, int64_t count);

    // Appends ids to a document; the logits (V) after the last one.
    std::vector<float> feed(const Decoder& model, int64_t document, std::span<const int32_t> ids, Run& run);
    // Appends one token to each of several documents; the logits after each, (entries, V), in the order of entries.
    struct Next {
        int64_t document;   // in rising order
        int32_t id;
    };
    std::vector<float> step(const Decoder& model, std::span<const Next> entries, Run& run);

private:
    struct Piece {
        int64_t document;
        std::span<const int32_t> ids;
    };
    enum class Logits : uint8_t { kOfLastTokens, kNone };
    std::vector<float> forward(const Decoder& model, std::span<const Piece> pieces, Logits wanted, Run& run);

    DecodeShape shape_;
    BatchSlots batch_;
    Tensor cu_q_, cu_k_;                         // (1, 2·documents + 1)
    Tensor cache_rows_;                          // (1, T)
    std::vector<KeyValueCache> caches_;          // by layer; document d owns rows d·capacity and on
    std::vector<std::vector<int32_t>> tokens_;   // by document
};

enum class FinishReason : uint8_t { kStop, kLength, kEnough, kInterrupted };

struct GenerationOptions {
    int64_t max_new_tokens = 256;
    std::vector<int32_t> stop_ids;   // end-of-sequence ids: produced last, not continued
    SamplingOptions sampling = {};
    // kKept: a prompt that begins as its document does is not computed anew as far as it is the same (chats).
    enum class Past : uint8_t { kForgotten, kKept } past = Past::kForgotten;
};

struct DecodePrompt {
    std::vector<int32_t> ids;   // at least one, at most the slots' capacity
    uint32_t text = 0;          // its number: keys its random draws
};

struct Decoded {
    std::vector<int32_t> ids;   // new tokens, a stop id included
    FinishReason finish = FinishReason::kLength;
};

// Each may be null.
struct DecodeEvents {
    std::function<void(size_t prompt, int32_t id)> on_token = {};   // each new one, as it comes
    // Asked after each new token: nothing that may follow is of interest.
    std::function<bool(size_t prompt, std::span<const int32_t> ids)> is_enough = {};
    std::function<void(size_t prompt)> on_end = {};   // a text is complete
    std::function<bool()> stop_requested = {};        // asked before each step
};

// Continues every prompt, as many at once as there are documents, each until a stop id, max_new_tokens or the
// capacity.
std::vector<Decoded> generate(const Decoder& model, DecodeSlots& slots, std::span<const DecodePrompt> prompts,
                              const GenerationOptions& options, const DecodeEvents& events, Run& run);

}   // namespace llmft
