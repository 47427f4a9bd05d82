// tokenizer.json's model of type Unigram: the cut of a text into tokens whose scores add up to the most (Kudo 2018,
// arXiv:1804.10959), as the tokenizers library finds it: sums in f64, of equal ones the first.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer/byte_trie.h"
#include "data/tokenizer/token_model.h"

namespace llmft {

class Unigram final : public TokenModel {
public:
    Unigram(const JsonField& model, ModelLists lists);
    // Linear in the text and in the longest token. Runs of unknown characters are one: a token of that name, else their
    // bytes where byte_fallback and the vocabulary have them all, else unk. Without unk they are refused (DATA).
    void encode(std::string_view pre_token, std::vector<Symbol>& tokens) const override;

private:
    void append_unknown(std::string_view pre_token, uint32_t begin, uint32_t end, std::vector<Symbol>& tokens) const;

    ByteTrie trie_;
    std::vector<double> scores_;
    double unknown_score_;
    int32_t unknown_ = -1;   // −1: none
    bool byte_fallback_;
    std::array<int32_t, 256> bytes_{};   // id of <0xHH>, or −1
};

}   // namespace llmft
