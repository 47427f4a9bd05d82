// tokenizer.json's model of type BPE: characters (or ByteLevel's byte alphabet) joined by ranked merges.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/merges.h"
#include "data/tokenizer/pre_tokenizer.h"
#include "data/tokenizer/vocabulary.h"

namespace llmft {

// Refuses what it does not do by name: dropout, continuing_subword_prefix, end_of_word_suffix.
class Bpe {
public:
    // The large members of `model`, collected while the file is parsed: "vocab" and "merges" of `model` are empty then.
    class Lists {
    public:
        explicit Lists(std::string file) : file_(std::move(file)) {}
        std::vector<JsonPart> parts();   // for parse_json; this outlives the parsing

    private:
        friend class Bpe;
        void add_merge(int64_t index, const Json& merge);
        std::string file_;
        Vocabulary::Builder vocabulary_;
        MergeList merges_;
    };
    Bpe(const JsonField& model, Lists lists, Alphabet alphabet);

    const Vocabulary& vocabulary() const { return vocabulary_; }

    // The tokens of one pre-token (valid UTF-8), which replace `tokens`.
    void encode(std::string_view pre_token, std::vector<Symbol>& tokens) const;

private:
    // What one character begins as: its own token, or its UTF-8 bytes' tokens, or nothing (unknown).
    struct Letter {
        std::array<int32_t, 4> ids{};
        int count = 0;
        bool is_token = false;
    };
    class Unknowns;

    void read_merges(const JsonField& field, MergeList list);
    size_t most_pairs() const;
    void read_joints();
    void read_letters();
    Letter letter_of(char32_t character) const;
    void merge(std::vector<Symbol>& tokens) const;
    bool can_join(int32_t left, int32_t right) const;
    void append(const Letter& letter, size_t begin, Unknowns& unknowns, std::vector<Symbol>& tokens) const;

    Vocabulary vocabulary_;
    MergeTable merges_;
    std::vector<int32_t> first_, last_;   // by id: the token's first and last character
    MergeTable joints_;                   // (last, first) characters of all merges: no token crosses between two others
    Alphabet alphabet_;
    bool byte_fallback_, fuse_unk_, ignore_merges_;
    int32_t unk_ = -1;                      // −1: unknown characters vanish
    std::array<Letter, 256> bytes_{};       // kBytes: by byte; kCharacters: by ASCII character
    std::array<int32_t, 256> fallback_{};   // id of <0xHH>, or −1
};

}   // namespace llmft
