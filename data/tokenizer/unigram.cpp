#include "data/tokenizer/unigram.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/unicode/utf8.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {

Unigram::Unigram(const JsonField& model, ModelLists lists)
    : TokenModel(Vocabulary(model.at("vocab"), std::move(lists.tokens))),
      scores_(std::move(lists.scores)),
      byte_fallback_(model.flag_or("byte_fallback", false)) {
    constexpr double kUnknownPenalty = 10;
    if (scores_.size() != static_cast<size_t>(vocabulary().size()))
        model.at("vocab").refuse("SCHEMA", "is no list of tokens and scores", "fetch the file again");
    if (const auto unknown = model.find("unk_id"))
        unknown_ = static_cast<int32_t>(unknown->integer(0, vocabulary().size() - 1));
    unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
    constexpr size_t kNodesPerToken = 6;   // llm-jp's has 4.6
    trie_ = ByteTrie(kNodesPerToken * scores_.size());
    try {
        for (int32_t id = 0; id < vocabulary().size(); ++id)
            if (!vocabulary().token(id).empty()) trie_.add(vocabulary().token(id), id);
    } catch (const ByteTrie::LimitReached&) {
        model.at("vocab").refuse("LIMIT", "its tokens are too long", "use another model");
    }
    for (unsigned byte = 0; byte < 256; ++byte)
        bytes_[byte] = vocabulary().id_of(fmt::format("<0x{:02X}>", byte)).value_or(-1);
}

void Unigram::append_unknown(std::string_view pre_token, uint32_t begin, uint32_t end,
                             std::vector<Symbol>& tokens) const {
    const std::string_view run = pre_token.substr(begin, end - begin);
    const auto append = [&](int32_t id) { tokens.push_back({.id = id, .begin = begin, .end = end}); };
    if (const auto own = vocabulary().id_of(run)) return append(*own);
    const auto id_of_byte = [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
    if (byte_fallback_ && std::all_of(run.begin(), run.end(), [&](char byte) { return id_of_byte(byte) >= 0; })) {
        for (const char byte : run) append(id_of_byte(byte));
        return;
    }
    append(unknown_);
}

void Unigram::encode(std::string_view pre_token, std::vector<Symbol>& tokens) const {
    struct Best {   // of the ways to a place
        double score;
        int32_t id;       // of the last token
        uint32_t begin;   // of it; kNowhere: no way leads here
    };
    constexpr uint32_t kNowhere = UINT32_MAX;
    std::vector<Best> best(pre_token.size() + 1, {0, 0, kNowhere});
    const auto offer = [&](size_t end, const Best& way) {
        if (best[end].begin == kNowhere || way.score > best[end].score) best[end] = way;
    };
    for (size_t at = 0; at < pre_token.size();) {
        const double so_far = best[at].score;
        const size_t next = at + unicode::decode_utf8(pre_token, at).bytes;
        bool whole_character = false;
        trie_.prefixes(pre_token, at, [&](size_t end, int32_t id) {
            offer(end, {so_far + scores_[static_cast<size_t>(id)], id, static_cast<uint32_t>(at)});
            whole_character = whole_character || end == next;
        });
        if (!whole_character) {
            if (unknown_ < 0)
                throw UserError("DATA", "text", "",
                                fmt::format("{} is not in the vocabulary, which has no unknown token",
                                            in_quotes(pre_token.substr(at, next - at))),
                                "use another tokenizer, or leave the character out");
            offer(next, {so_far + unknown_score_, unknown_, static_cast<uint32_t>(at)});
        }
        at = next;
    }
    tokens.clear();   // from the back
    for (auto end = static_cast<uint32_t>(pre_token.size()); end > 0; end = best[end].begin)
        tokens.push_back({.id = best[end].id, .begin = best[end].begin, .end = end});
    std::reverse(tokens.begin(), tokens.end());
    if (std::none_of(tokens.begin(), tokens.end(), [&](const Symbol& token) { return token.id == unknown_; })) return;
    std::vector<Symbol> cut;
    cut.swap(tokens);
    for (size_t i = 0; i < cut.size();) {
        if (cut[i].id != unknown_) {
            tokens.push_back(cut[i++]);
            continue;
        }
        const uint32_t begin = cut[i].begin;
        while (i < cut.size() && cut[i].id == unknown_) ++i;
        append_unknown(pre_token, begin, cut[i - 1].end, tokens);
    }
}

}   // namespace llmft
