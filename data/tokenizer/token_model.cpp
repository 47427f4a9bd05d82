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
    return {
        {"model.vocab", JsonPart::Type::kObject,
         [this](const JsonItem& item) { tokens.add(file_, item.key, item.value); }},
        {"model.vocab", JsonPart::Type::kArray, [this](const JsonItem& item) { add_scored(item.index, item.value); }},
        {"model.merges", JsonPart::Type::kArray, [this](const JsonItem& item) { add_merge(item.index, item.value); }}};
}

void ModelLists::add_scored(int64_t index, const Json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number())
        refuse(file_, "model.vocab", "SCHEMA", fmt::format("item {}: wanted a token and its score", index));
    tokens.add(file_, pair[0].get_ref<const std::string&>(), Json(index));
    scores.push_back(pair[1].get<double>());
}

// "a b" or ["a", "b"]. A line "#version: …" of old stays a pair of nothing.
void ModelLists::add_merge(int64_t index, const Json& merge) {
    const auto refuse_merge = [&](std::string_view kind, const std::string& what) {
        refuse(file_, "model.merges", kind, what);
    };
    if (merges.size() == kMostMerges) refuse_merge("LIMIT", fmt::format("more than {} merges", kMostMerges));
    std::string_view left, right;
    if (const auto* text = merge.get_ptr<const std::string*>()) {
        if (text->starts_with("#version")) return merges.add({}, {});
        const size_t space = text->find(' ');
        if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos)
            refuse_merge("SCHEMA", fmt::format("merge {}: wanted two tokens", index));
        left = std::string_view(*text).substr(0, space);
        right = std::string_view(*text).substr(space + 1);
    } else {
        if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string())
            refuse_merge("SCHEMA", fmt::format("merge {}: wanted two tokens", index));
        left = merge[0].get_ref<const std::string&>();
        right = merge[1].get_ref<const std::string&>();
    }
    if (left.empty() || right.empty())
        refuse_merge("LIMIT", fmt::format("merge {}: a token that joins with nothing would join for ever", index));
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
