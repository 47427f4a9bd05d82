#include "data/tokenizer/word_piece.h"

#include <algorithm>

#include "data/unicode/utf8.h"

namespace llmft {

WordPiece::WordPiece(const JsonField& model, ModelLists lists)
    : TokenModel(Vocabulary(model.at("vocab"), std::move(lists.tokens))),
      prefix_(model.text_or("continuing_subword_prefix", "##")),
      longest_word_(100) {
    constexpr int64_t kLongest = 10000;   // a word takes the square of its length
    if (const auto longest = model.find("max_input_chars_per_word")) longest_word_ = longest->integer(1, kLongest);
    unknown_ = vocabulary().require(model.text_or("unk_token", "[UNK]"), model.at("unk_token"));
}

void WordPiece::encode(std::string_view pre_token, std::vector<Symbol>& tokens) const {
    tokens.clear();
    const auto characters = std::count_if(pre_token.begin(), pre_token.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    bool known = characters <= longest_word_;
    for (size_t begin = 0; known && begin < pre_token.size();) {
        std::optional<int32_t> id;
        size_t end = pre_token.size();
        for (; end > begin; end = unicode::character_before(pre_token, end)) {
            const std::string piece = (begin > 0 ? prefix_ : "") + std::string(pre_token.substr(begin, end - begin));
            if ((id = vocabulary().id_of(piece))) break;
        }
        known = id.has_value();
        if (known)
            tokens.push_back({.id = *id, .begin = static_cast<uint32_t>(begin), .end = static_cast<uint32_t>(end)});
        begin = end;
    }
    if (!known) tokens = {{.id = unknown_, .begin = 0, .end = static_cast<uint32_t>(pre_token.size())}};
}

}   // namespace llmft
