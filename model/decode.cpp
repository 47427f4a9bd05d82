#include "model/decode.h"

#include <fmt/format.h>

#include <numeric>

namespace llmft {

DecodeSlots::DecodeSlots(const Decoder& model, const DecodeShape& shape, Run& run)
    : shape_(shape),
      batch_(shape.tokens(), 1, run.arena),
      cu_q_(run.arena.persistent("batch", DType::kI32, 1, 2 * shape.documents + 1)),
      cu_k_(run.arena.persistent("batch", DType::kI32, 1, 2 * shape.documents + 1)),
      cache_rows_(run.arena.persistent("batch", DType::kI32, 1, shape.tokens())),
      tokens_(static_cast<size_t>(shape.documents)) {
    const int64_t rows = shape.documents * shape.capacity;
    const int64_t width = model.config().num_key_value_heads * model.config().head_dim;
    if (rows > INT32_MAX)
        throw UserError("BUDGET", "--batch-size", "", fmt::format("{} tokens are more than is decoded at once", rows),
                        "decode fewer prompts at once");
    for (size_t l = 0; l < model.blocks().size(); ++l)
        caches_.push_back({.k = run.arena.persistent("key_value_cache", model.dtype(), rows, width),
                           .v = run.arena.persistent("key_value_cache", model.dtype(), rows, width)});
}

void DecodeSlots::truncate(int64_t document, int64_t count) {
    std::vector<int32_t>& tokens = tokens_[static_cast<size_t>(document)];
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(count)));
}

// The pieces go behind what their documents hold. Between two documents' keys lie rows of the cache that are free or
// another's: to attention they are documents without queries.
std::vector<float> DecodeSlots::forward(const Decoder& model, std::span<const Piece> pieces, Logits wanted, Run& run) {
    HostBatch host;
    host.cu_seqlens = {0};
    std::vector<int32_t> cache_rows, cu_q = {0}, cu_k = {0};
    std::vector<DocumentLength> lengths;
    for (const Piece& piece : pieces) {
        std::vector<int32_t>& tokens = tokens_[static_cast<size_t>(piece.document)];
        const auto before = static_cast<int64_t>(tokens.size()),
                   after = before + static_cast<int64_t>(piece.ids.size());
        if (after > shape_.capacity) throw InternalError("a document outgrows its place in the cache");
        const int64_t first_row = piece.document * shape_.capacity;
        for (int64_t position = before; position < after; ++position) {
            host.positions.push_back(static_cast<int32_t>(position));
            cache_rows.push_back(static_cast<int32_t>(first_row + position));
        }
        host.ids.insert(host.ids.end(), piece.ids.begin(), piece.ids.end());
        host.targets.resize(host.ids.size(), kNoLoss);
        if (wanted == Logits::kOfLastTokens) host.targets.back() = 0;
        host.cu_seqlens.push_back(static_cast<int32_t>(host.ids.size()));
        lengths.push_back({.queries = 0, .keys = first_row - cu_k.back()});
        lengths.push_back({.queries = after - before, .keys = after});
        cu_q.push_back(cu_q.back());
        cu_q.push_back(static_cast<int32_t>(host.ids.size()));
        cu_k.push_back(static_cast<int32_t>(first_row));
        cu_k.push_back(static_cast<int32_t>(first_row + after));
        tokens.insert(tokens.end(), piece.ids.begin(), piece.ids.end());
    }
    host.example.resize(host.ids.size());
    Batch batch = batch_.upload(host, run);
    const auto put = [&](const Tensor& slot, const std::vector<int32_t>& values) {
        const Tensor part = slot.columns(0, static_cast<int64_t>(values.size()));
        run.device.upload(part, values.data(), run.stream);
        return part;
    };
    batch.cu_q = put(cu_q_, cu_q);
    batch.cu_k = put(cu_k_, cu_k);
    batch.cache_rows = put(cache_rows_, cache_rows);
    batch.documents = static_cast<int64_t>(lengths.size());
    batch.lengths = std::move(lengths);
    const bool one_by_one = host.ids.size() == pieces.size();
    return model.decode(batch, one_by_one ? Decoder::Rows::kOneByOne : Decoder::Rows::kAtOnce, caches_, run);
}

std::vector<float> DecodeSlots::feed(const Decoder& model, int64_t document, std::span<const int32_t> ids, Run& run) {
    for (auto chunk = static_cast<size_t>(shape_.chunk); ids.size() > chunk; ids = ids.subspan(chunk)) {
        const Piece piece = {.document = document, .ids = ids.first(chunk)};
        forward(model, {&piece, 1}, Logits::kNone, run);
    }
    const Piece piece = {.document = document, .ids = ids};
    return forward(model, {&piece, 1}, Logits::kOfLastTokens, run);
}

std::vector<float> DecodeSlots::step(const Decoder& model, std::span<const Next> entries, Run& run) {
    std::vector<Piece> pieces;
    for (const Next& entry : entries) pieces.push_back({.document = entry.document, .ids = {&entry.id, 1}});
    return forward(model, pieces, Logits::kOfLastTokens, run);
}

namespace {

// The prompts of one call on their way through the slots.
class Generation {
public:
    Generation(const Decoder& model, DecodeSlots& slots, std::span<const DecodePrompt> prompts,
               const GenerationOptions& options, const DecodeEvents& events, Run& run)
        : model_(model),
          slots_(slots),
          prompts_(prompts),
          options_(options),
          events_(events),
          run_(run),
          decoded_(prompts.size()),
          prompt_of_(static_cast<size_t>(slots.shape().documents)) {}

    std::vector<Decoded> all() {
        if (options_.max_new_tokens == 0) return std::move(decoded_);
        while (!stopped()) {
            fill_slots();
            if (!step()) break;
        }
        return std::move(decoded_);
    }

private:
    bool stopped() {
        if (!events_.stop_requested || !events_.stop_requested()) return false;
        for (size_t p = 0; p < next_prompt_; ++p)
            if (!finished_[p]) decoded_[p].finish = FinishReason::kInterrupted;
        for (size_t p = next_prompt_; p < decoded_.size(); ++p) decoded_[p].finish = FinishReason::kInterrupted;
        return true;
    }

    // A prompt for every free slot. One that ends with its first token leaves its slot free again.
    void fill_slots() {
        for (size_t document = 0; document < prompt_of_.size(); ++document)
            while (!prompt_of_[document] && next_prompt_ < prompts_.size()) {
                const size_t prompt = next_prompt_++;
                finished_.push_back(false);
                prompt_of_[document] = prompt;
                take(document, start(static_cast<int64_t>(document), prompts_[prompt].ids));
            }
    }

    std::vector<float> start(int64_t document, const std::vector<int32_t>& prompt) {
        const std::span<const int32_t> past = slots_.tokens(document);
        const auto differs = std::mismatch(past.begin(), past.end(), prompt.begin(), prompt.end() - 1);
        const int64_t kept = options_.past == GenerationOptions::Past::kKept ? differs.first - past.begin() : 0;
        slots_.truncate(document, kept);
        return slots_.feed(model_, document, std::span(prompt).subspan(static_cast<size_t>(kept)), run_);
    }

    // One more token of every document; false where there is none left.
    bool step() {
        std::vector<DecodeSlots::Next> entries;
        for (size_t document = 0; document < prompt_of_.size(); ++document)
            if (prompt_of_[document])
                entries.push_back(
                    {.document = static_cast<int64_t>(document), .id = decoded_[*prompt_of_[document]].ids.back()});
        if (entries.empty()) return false;
        const std::vector<float> logits = slots_.step(model_, entries, run_);
        const auto vocab = static_cast<ptrdiff_t>(logits.size() / entries.size());
        for (size_t i = 0; i < entries.size(); ++i) {
            const auto row = logits.begin() + static_cast<ptrdiff_t>(i) * vocab;
            take(static_cast<size_t>(entries[i].document), {row, row + vocab});
        }
        return true;
    }

    // The next token of a document, from the logits after what it holds.
    void take(size_t document, std::vector<float> logits) {
        const size_t prompt = *prompt_of_[document];
        Decoded& decoded = decoded_[prompt];
        const std::span<const int32_t> seen = slots_.tokens(static_cast<int64_t>(document));
        const DrawKey key = {.text = prompts_[prompt].text, .position = static_cast<uint32_t>(seen.size())};
        const int32_t id = next_token(std::move(logits), seen, key, options_.sampling);
        decoded.ids.push_back(id);
        if (events_.on_token) events_.on_token(prompt, id);
        const bool stop = std::find(options_.stop_ids.begin(), options_.stop_ids.end(), id) != options_.stop_ids.end();
        const bool full = static_cast<int64_t>(decoded.ids.size()) == options_.max_new_tokens ||
                          static_cast<int64_t>(seen.size()) + 1 > slots_.shape().capacity;
        const bool enough = !stop && events_.is_enough && events_.is_enough(prompt, decoded.ids);
        if (!stop && !full && !enough) return;
        decoded.finish = stop ? FinishReason::kStop : enough ? FinishReason::kEnough : FinishReason::kLength;
        finished_[prompt] = true;
        prompt_of_[document].reset();
        if (events_.on_end) events_.on_end(prompt);
    }

    const Decoder& model_;
    DecodeSlots& slots_;
    std::span<const DecodePrompt> prompts_;
    const GenerationOptions& options_;
    const DecodeEvents& events_;
    Run& run_;
    std::vector<Decoded> decoded_;
    std::vector<std::optional<size_t>> prompt_of_;   // by document
    std::vector<bool> finished_;                     // of the prompts that were started
    size_t next_prompt_ = 0;
};

}   // namespace

std::vector<Decoded> generate(const Decoder& model, DecodeSlots& slots, std::span<const DecodePrompt> prompts,
                              const GenerationOptions& options, const DecodeEvents& events, Run& run) {
    return Generation(model, slots, prompts, options, events, run).all();
}

}   // namespace llmft
