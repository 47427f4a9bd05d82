// tokenizer.json's model of type BPE: characters (or ByteLevel's byte alphabet) joined by ranked merges.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer/token_model.h"

namespace llmft {

// Refuses what it does not do by name: dropout, continuing_subword_prefix, end_of_word_suffix.
class Bpe final : public TokenModel {
public:
    Bpe(const JsonField& model, ModelLists lists, Alphabet alphabet);
    void encode(std::string_view pre_token, std::vector<Symbol>& tokens) const override;

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
    void append(const Letter& letter, size_t begin, size_t bytes, Unknowns& unknowns,
                std::vector<Symbol>& tokens) const;

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
