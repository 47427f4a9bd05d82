// tokenizer.json's model: what makes tokens of a pre-token.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/merges.h"
#include "data/tokenizer/pre_tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "engine/io/json_field.h"

namespace llmft {

// The large members of `model`, collected while the file is parsed: "vocab" and "merges" are empty then.
class ModelLists {
public:
    explicit ModelLists(std::string file) : file_(std::move(file)) {}
    std::vector<JsonPart> parts();   // for parse_json; this outlives the parsing

    Vocabulary::Builder tokens;
    std::vector<double> scores;   // of a vocabulary that is a list of [token, score]
    MergeList merges;

private:
    void add_scored(int64_t index, const Json& pair);
    void add_merge(int64_t index, const Json& merge);
    void add_merge(int64_t index, std::string_view merge);
    void add_merge(int64_t index, std::string_view left, std::string_view right);
    [[noreturn]] void refuse_merge(int64_t index) const;
    std::string file_;
};

class TokenModel {
public:
    explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
    TokenModel(const TokenModel&) = delete;
    TokenModel& operator=(const TokenModel&) = delete;
    virtual ~TokenModel() = default;

    const Vocabulary& vocabulary() const { return vocabulary_; }
    // The tokens of one pre-token (valid UTF-8), which replace `tokens`: id, begin and end of each.
    virtual void encode(std::string_view pre_token, std::vector<Symbol>& tokens) const = 0;

private:
    Vocabulary vocabulary_;
};

// BPE, Unigram or WordPiece. What else a model is is refused by name.
std::unique_ptr<TokenModel> make_token_model(const JsonField& model, ModelLists lists, Alphabet alphabet);

}   // namespace llmft
