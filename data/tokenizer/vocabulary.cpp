#include "data/tokenizer/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "engine/io/xxh3.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kMostTokens = size_t{1} << 21;
constexpr std::string_view kRemedy = "fetch the file again";

std::string with_id(std::string_view token, std::string_view id, std::string_view what) {
    return fmt::format("token {} has id {}: {}", in_quotes(token), id, what);
}

[[noreturn]] void refuse(const std::string& file, std::string_view kind, const std::string& what) {
    throw UserError(std::string(kind), file, "model.vocab", what, kRemedy);
}

}   // namespace

void Vocabulary::Builder::refuse_id(const std::string& file, std::string_view token, const Json& id) {
    refuse(file, "SCHEMA", with_id(token, id.is_number() ? id.dump() : id.type_name(), "not an integer"));
}

void Vocabulary::Builder::add(const std::string& file, std::string_view token, int64_t id) {
    if (entries_.size() == kMostTokens) refuse(file, "LIMIT", fmt::format("more than {} tokens", kMostTokens));
    if (id < 0) refuse(file, "RANGE", with_id(token, std::to_string(id), "negative"));
    if (id >= static_cast<int64_t>(kMostTokens))
        refuse(file, "RANGE",
               with_id(token, std::to_string(id), fmt::format("at most {} tokens are read", kMostTokens)));
    const Piece piece = {static_cast<uint32_t>(pool_.size()), static_cast<uint32_t>(token.size())};
    pool_.append(token);
    entries_.push_back({piece, static_cast<int32_t>(id)});
}

Vocabulary::Vocabulary(const JsonField& field, Builder tokens) : pool_(std::move(tokens.pool_)) {
    if (tokens.entries_.empty()) field.refuse("SCHEMA", "is empty", kRemedy);
    pool_ = std::string(pool_);   // shrink_to_fit would say nothing where memory is out
    order(field, tokens.entries_);
    tokens.entries_ = {};
    index(field);
}

void Vocabulary::order(const JsonField& field, const std::deque<Builder::Entry>& entries) {
    pieces_.resize(entries.size());
    std::vector<bool> taken(entries.size());
    for (const auto& [piece, id] : entries) {
        const auto at = static_cast<size_t>(id);
        const auto refuse = [&, token = text_of(piece), number = id](std::string_view kind, std::string_view what) {
            field.refuse(kind, with_id(token, std::to_string(number), what), kRemedy);
        };
        if (at >= pieces_.size())
            refuse("RANGE", fmt::format("{} tokens have ids 0 to {}", pieces_.size(), pieces_.size() - 1));
        if (taken[at]) refuse("DUP", "another token has it too");
        taken[at] = true;
        pieces_[at] = piece;
    }
}

void Vocabulary::index(const JsonField& field) {
    slots_.resize(pieces_.size() + pieces_.size() / 2 + 1);
    for (size_t id = 0; id < pieces_.size(); ++id) {
        const std::string_view token = text_of(pieces_[id]);
        const uint64_t hash = xxh3(token);
        Slot& slot = slots_[slot_of(token, hash)];
        if (slot.id >= 0) field.refuse("DUP", fmt::format("token {} appears twice", in_quotes(token)), kRemedy);
        slot = {static_cast<uint32_t>(hash), static_cast<int32_t>(id)};
    }
}

// The token's slot, or the free one where it would go. The place comes from the hash's upper bits, the tag is its
// lower ones.
size_t Vocabulary::slot_of(std::string_view text, uint64_t hash) const {
    auto at = static_cast<size_t>((hash >> 32) * slots_.size() >> 32);
    const auto tag = static_cast<uint32_t>(hash);
    for (; slots_[at].id >= 0; at = at + 1 == slots_.size() ? 0 : at + 1)
        if (slots_[at].tag == tag && token(slots_[at].id) == text) break;
    return at;
}

std::optional<int32_t> Vocabulary::id_of(std::string_view token) const {
    const int32_t id = slots_[slot_of(token, xxh3(token))].id;
    return id < 0 ? std::nullopt : std::optional(id);
}

int32_t Vocabulary::require(std::string_view token, const JsonField& field) const {
    const auto id = id_of(token);
    if (!id) field.refuse("SCHEMA", fmt::format("names {}, which is not in model.vocab", in_quotes(token)), kRemedy);
    return *id;
}

}   // namespace llmft
