// tokenizer.json's added_tokens: strings that are one token wherever they stand in the text, found before anything
// else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/tokenizer/byte_trie.h"
#include "data/tokenizer/normalizer.h"
#include "data/tokenizer/vocabulary.h"
#include "engine/io/json_field.h"

namespace llmft {

struct AddedToken {
    int32_t id;
    std::string content;
    bool single_word, lstrip, rstrip, normalized, special;
};

// A stretch of text: an added token, or (id −1) text between them.
struct TextPart {
    int32_t id;
    size_t begin, end;
};

// Finds the leftmost of a set of tokens, the longest of those that begin there.
class TokenMatcher {
public:
    void add(std::string_view pattern, const AddedToken& token);
    // Replaces `parts` by the whole of `text`, cut; no part of text is empty. A token with single_word that touches a
    // word is passed over; lstrip and rstrip take the white space beside a token.
    void split(std::string_view text, std::vector<TextPart>& parts) const;

private:
    struct Match {
        size_t end = 0;
        const AddedToken* token = nullptr;
    };
    Match longest_at(std::string_view text, size_t at) const;

    ByteTrie trie_;   // which of tokens_
    std::vector<AddedToken> tokens_;
    bool begins_[256] = {};
};

class AddedTokens {
public:
    // `list` may be null: no tokens. A token's id is its model's, or the next one after the model's and the earlier
    // tokens' (the library would renumber it otherwise): refused else.
    AddedTokens(const std::optional<JsonField>& list, const Vocabulary& model, const Normalizer& normalizer);

    const TokenMatcher& raw() const { return raw_; }                 // matched in the text as it stands
    const TokenMatcher& normalized() const { return normalized_; }   // matched in normalised pieces
    const AddedToken* by_id(int32_t id) const;
    std::optional<int32_t> id_of(std::string_view content) const;
    int64_t beyond_model() const { return beyond_model_; }   // tokens with ids of their own

private:
    std::vector<AddedToken> tokens_;
    std::unordered_map<int32_t, size_t> places_;
    std::unordered_map<std::string, int32_t> ids_;
    TokenMatcher raw_, normalized_;
    int64_t beyond_model_ = 0;
};

}   // namespace llmft
