#include "data/tokenizer/added_tokens.h"

#include <fmt/format.h>

#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr size_t kLongestToken = 4096;   // bytes: matching takes this much per place of the text at worst

bool has_class(std::string_view text, size_t at, unicode::Class wanted) {
    return unicode::classes_of(unicode::decode_utf8(text, at).value) & wanted;
}

bool touches_word(std::string_view text, size_t begin, size_t end) {
    return (begin > 0 && has_class(text, unicode::character_before(text, begin), unicode::kWord)) ||
           (end < text.size() && has_class(text, end, unicode::kWord));
}

}   // namespace

void TokenMatcher::add(std::string_view pattern, const AddedToken& token) {
    if (pattern.empty()) return;
    if (!trie_.add(pattern, static_cast<int32_t>(tokens_.size()))) return;
    begins_[static_cast<unsigned char>(pattern[0])] = true;
    tokens_.push_back(token);
}

TokenMatcher::Match TokenMatcher::longest_at(std::string_view text, size_t at) const {
    Match best;
    trie_.prefixes(text, at, [&](size_t end, int32_t token) { best = {end, &tokens_[static_cast<size_t>(token)]}; });
    return best;
}

void TokenMatcher::split(std::string_view text, std::vector<TextPart>& parts) const {
    parts.clear();
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        if (!begins_[static_cast<unsigned char>(text[at])]) {
            ++at;
            continue;
        }
        const Match match = longest_at(text, at);
        if (match.token == nullptr) {
            ++at;
            continue;
        }
        size_t begin = at, end = match.end;
        at = match.end;
        if (match.token->single_word && touches_word(text, begin, end)) continue;
        if (match.token->lstrip)
            while (begin > done && has_class(text, unicode::character_before(text, begin), unicode::kSpace))
                begin = unicode::character_before(text, begin);
        if (match.token->rstrip)
            while (end < text.size() && has_class(text, end, unicode::kSpace))
                end += unicode::decode_utf8(text, end).bytes;
        if (done < begin) parts.push_back({-1, done, begin});
        parts.push_back({match.token->id, begin, end});
        done = end;
    }
    if (done < text.size()) parts.push_back({-1, done, text.size()});
}

AddedTokens::AddedTokens(const std::optional<JsonField>& list, const Vocabulary& model, const Normalizer& normalizer) {
    if (!list) return;
    const auto limit = int64_t{INT32_MAX} - 1;
    for (const JsonField& field : list->items()) {
        AddedToken token{.id = static_cast<int32_t>(field.at("id").integer(0, limit)),
                         .content = field.at("content").text(),
                         .single_word = field.flag_or("single_word", false),
                         .lstrip = field.flag_or("lstrip", false),
                         .rstrip = field.flag_or("rstrip", false),
                         .normalized = field.flag_or("normalized", false),
                         .special = field.flag_or("special", false)};
        if (token.content.empty()) field.at("content").refuse("RANGE", "is empty", "fetch the file again");
        if (token.content.size() > kLongestToken)
            field.at("content").refuse("LIMIT",
                                       fmt::format("has {} bytes, at most {}", token.content.size(), kLongestToken),
                                       "add a shorter token");
        if (id_of(token.content))
            field.refuse("DUP", fmt::format("{} is added twice", in_quotes(token.content)), "remove one");
        const auto own = model.id_of(token.content);
        const int64_t expected = own ? *own : model.size() + beyond_model_;
        if (token.id != expected)
            field.at("id").refuse(
                "RANGE", fmt::format("is {}, but {} has to be {}", token.id, in_quotes(token.content), expected),
                "number added tokens after the vocabulary, without a gap");
        if (!own) ++beyond_model_;
        places_.emplace(token.id, tokens_.size());
        ids_.emplace(token.content, token.id);
        tokens_.push_back(std::move(token));
    }
    try {
        for (const AddedToken& token : tokens_) {
            if (!token.normalized) {
                raw_.add(token.content, token);
                continue;
            }
            TracedText content = TracedText::plain(token.content, 0, false);
            normalizer.apply(content);
            normalized_.add(content.text, token);
        }
    } catch (const ByteTrie::LimitReached&) {
        list->refuse("LIMIT", "its tokens are too long together", "use another model");
    }
}

const AddedToken* AddedTokens::by_id(int32_t id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &tokens_[place->second];
}

std::optional<int32_t> AddedTokens::id_of(std::string_view content) const {
    const auto found = ids_.find(std::string(content));
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

}   // namespace llmft
