#include "data/tokenizer/token_model.h"

#include <fmt/format.h>

#include "data/tokenizer/bpe.h"
#include "data/tokenizer/unigram.h"
#include "data/tokenizer/word_piece.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kMostMerges = size_t{1} << 22;

[[noreturn]] void refuse(const std::string& file, std::string_view member, std::string_view kind,
                         const std::string& what) {
    throw UserError(std::string(kind), file, std::string(member), what, "fetch the file again");
}

}   // namespace

std::vector<JsonPart> ModelLists::parts() {
    return {{.path = "model.vocab",
             .type = JsonPart::Type::kObject,
             .take = [this](const JsonItem& item) { Vocabulary::Builder::refuse_id(file_, item.key, item.value); },
             .take_integer = [this](std::string_view token, int64_t id) { tokens.add(file_, token, id); }},
            {.path = "model.vocab",
             .type = JsonPart::Type::kArray,
             .take = [this](const JsonItem& item) { add_scored(item.index, item.value); }},
            {.path = "model.merges",
             .type = JsonPart::Type::kArray,
             .take = [this](const JsonItem& item) { add_merge(item.index, item.value); },
             .take_text = [this](int64_t index, std::string_view merge) { add_merge(index, merge); }}};
}

void ModelLists::add_scored(int64_t index, const Json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number())
        refuse(file_, "model.vocab", "SCHEMA", fmt::format("item {}: wanted a token and its score", index));
    tokens.add(file_, pair[0].get_ref<const std::string&>(), index);
    scores.push_back(pair[1].get<double>());
}

// "a b". A line "#version: …" of old stays a pair of nothing.
void ModelLists::add_merge(int64_t index, std::string_view merge) {
    if (merge.starts_with("#version")) return merges.add({}, {});
    const size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) refuse_merge(index);
    add_merge(index, merge.substr(0, space), merge.substr(space + 1));
}

// ["a", "b"].
void ModelLists::add_merge(int64_t index, const Json& merge) {
    if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) refuse_merge(index);
    add_merge(index, merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
}

void ModelLists::refuse_merge(int64_t index) const {
    refuse(file_, "model.merges", "SCHEMA", fmt::format("merge {}: wanted two tokens", index));
}

void ModelLists::add_merge(int64_t index, std::string_view left, std::string_view right) {
    if (merges.size() == kMostMerges)
        refuse(file_, "model.merges", "LIMIT", fmt::format("more than {} merges", kMostMerges));
    if (left.empty() || right.empty())
        refuse(file_, "model.merges", "LIMIT",
               fmt::format("merge {}: a token that joins with nothing would join for ever", index));
    merges.add(left, right);
}

std::unique_ptr<TokenModel> make_token_model(const JsonField& model, ModelLists lists, Alphabet alphabet) {
    // Files of old have no type.
    const std::string type = model.find("type")                       ? model.at("type").text()
                             : model.find("merges")                   ? "BPE"
                             : model.at("vocab").json().is_array()    ? "Unigram"
                             : model.find("max_input_chars_per_word") ? "WordPiece"
                                                                      : "without a type";
    if (type == "BPE") return std::make_unique<Bpe>(model, std::move(lists), alphabet);
    if (type == "Unigram" && alphabet == Alphabet::kCharacters)
        return std::make_unique<Unigram>(model, std::move(lists));
    if (type == "WordPiece" && alphabet == Alphabet::kCharacters)
        return std::make_unique<WordPiece>(model, std::move(lists));
    model.refuse(
        "SCHEMA",
        fmt::format("model {}{} is not supported", type, alphabet == Alphabet::kBytes ? " behind ByteLevel" : ""),
        "use a model with a BPE, Unigram or WordPiece tokenizer, or give rows of tokens "
        "(--dataset-format tokens)");
}

}   // namespace llmft
