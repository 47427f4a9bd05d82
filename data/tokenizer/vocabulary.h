// Token strings and their ids: dense, 0 … size − 1, no string twice. Some 25 bytes a token beside its text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

class Vocabulary {
    // A token's text: bytes of the pool.
    struct Piece {
        uint32_t begin = 0, size = 0;
    };

public:
    // Tokens as they come, in any order of their ids.
    class Builder {
    public:
        // Refuses (at `file`, model.vocab) an id out of range, and more than 2^21 tokens.
        void add(const std::string& file, std::string_view token, int64_t id);
        // For what is no id at all.
        [[noreturn]] static void refuse_id(const std::string& file, std::string_view token, const Json& id);

    private:
        friend class Vocabulary;
        struct Entry {
            Piece piece;
            int32_t id;
        };
        std::string pool_;
        std::deque<Entry> entries_;   // grows without a second copy
    };

    // Refuses, as `field`, no token at all, a token twice, and ids twice or with a gap.
    Vocabulary(const JsonField& field, Builder tokens);

    int64_t size() const { return static_cast<int64_t>(pieces_.size()); }
    std::string_view token(int32_t id) const { return text_of(pieces_[static_cast<size_t>(id)]); }
    std::optional<int32_t> id_of(std::string_view token) const;
    // id_of, or SCHEMA at `field`.
    int32_t require(std::string_view token, const JsonField& field) const;

private:
    // Open addressing: slots of id and 32 bits of the text's hash, a third of them free.
    struct Slot {
        uint32_t tag = 0;
        int32_t id = -1;
    };

    std::string_view text_of(Piece piece) const { return std::string_view(pool_).substr(piece.begin, piece.size); }
    size_t slot_of(std::string_view token, uint64_t hash) const;
    void order(const JsonField& field, const std::deque<Builder::Entry>& entries);
    void index(const JsonField& field);

    std::string pool_;
    std::vector<Piece> pieces_;   // by id
    std::vector<Slot> slots_;
};

}   // namespace llmft
