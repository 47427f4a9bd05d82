// tokenizer.json's model of type WordPiece: the longest token that a word begins with, then the longest of what is left
// with "##" before it, and so on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/tokenizer/token_model.h"

namespace llmft {

class WordPiece final : public TokenModel {
public:
    WordPiece(const JsonField& model, ModelLists lists);
    // A word that is too long or cannot be cut is one unknown token.
    void encode(std::string_view pre_token, std::vector<Symbol>& tokens) const override;

private:
    std::string prefix_;
    int64_t longest_word_;   // characters
    int32_t unknown_;
};

}   // namespace llmft
