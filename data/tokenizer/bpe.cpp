#include "data/tokenizer/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "data/tokenizer/byte_level.h"
#include "data/unicode/utf8.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kShort = 32;   // symbols: not worth cutting
constexpr size_t kMostMerges = size_t{1} << 22;
constexpr std::string_view kFetchAgain = "fetch the file again";

}   // namespace

// Unknown characters not yet written: with fuse_unk a run of them is one token.
class Bpe::Unknowns {
public:
    Unknowns(int32_t id, bool fuse) : id_(id), fuse_(fuse) {}
    void add(size_t begin, std::vector<Symbol>& tokens) {
        if (id_ < 0 || (waiting_ && fuse_)) return;
        flush(tokens);
        waiting_ = true;
        begin_ = begin;
    }
    void flush(std::vector<Symbol>& tokens) {
        if (!waiting_) return;
        // Bytes may have overtaken it (append): places stay in order all the same.
        const uint32_t least = tokens.empty() ? 0 : tokens.back().begin;
        tokens.push_back(
            {.id = id_, .begin = std::max(least, static_cast<uint32_t>(begin_)), .prev = 0, .next = 0, .rank = 0});
        waiting_ = false;
    }

private:
    int32_t id_;
    bool fuse_, waiting_ = false;
    size_t begin_ = 0;
};

std::vector<JsonPart> Bpe::Lists::parts() {
    return {
        {"model.vocab", JsonPart::Type::kObject,
         [this](const JsonItem& item) { vocabulary_.add(file_, item.key, item.value); }},
        {"model.merges", JsonPart::Type::kArray, [this](const JsonItem& item) { add_merge(item.index, item.value); }}};
}

// "a b" or ["a", "b"]. A line "#version: …" of old stays a pair of nothing.
void Bpe::Lists::add_merge(int64_t index, const Json& merge) {
    const auto refuse = [&](std::string_view kind, const std::string& what) {
        throw UserError(std::string(kind), file_, "model.merges", what, kFetchAgain);
    };
    if (merges_.size() == kMostMerges) refuse("LIMIT", fmt::format("more than {} merges", kMostMerges));
    std::string_view left, right;
    if (const auto* text = merge.get_ptr<const std::string*>()) {
        if (text->starts_with("#version")) return merges_.add({}, {});
        const size_t space = text->find(' ');
        if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos)
            refuse("SCHEMA", fmt::format("merge {}: wanted two tokens", index));
        left = std::string_view(*text).substr(0, space);
        right = std::string_view(*text).substr(space + 1);
    } else {
        if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string())
            refuse("SCHEMA", fmt::format("merge {}: wanted two tokens", index));
        left = merge[0].get_ref<const std::string&>();
        right = merge[1].get_ref<const std::string&>();
    }
    if (left.empty() || right.empty())
        refuse("LIMIT", fmt::format("merge {}: a token that joins with nothing would join for ever", index));
    merges_.add(left, right);
}

Bpe::Bpe(const JsonField& model, Lists lists, Alphabet alphabet)
    : vocabulary_(model.at("vocab"), std::move(lists.vocabulary_)),
      alphabet_(alphabet),
      byte_fallback_(model.flag_or("byte_fallback", false)),
      fuse_unk_(model.flag_or("fuse_unk", false)),
      ignore_merges_(model.flag_or("ignore_merges", false)) {
    const auto dropout = model.find("dropout");
    if (dropout && dropout->json() != 0.0) dropout->refuse("SCHEMA", "BPE dropout is not supported", "set it to null");
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (!model.text_or(name, "").empty())
            model.at(name).refuse("SCHEMA", "is not supported", "use a model without it");
    if (const auto unk = model.find("unk_token")) unk_ = vocabulary_.require(unk->text(), *unk);
    read_joints();
    read_merges(model.at("merges"), std::move(lists.merges_));
    read_letters();
}

// A token of n bytes is joined from two others in n − 1 ways at most.
size_t Bpe::most_pairs() const {
    size_t pairs = 0;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) pairs += std::max<size_t>(vocabulary_.token(id).size(), 1) - 1;
    return pairs;
}

void Bpe::read_merges(const JsonField& field, MergeList list) {
    if (!field.json().is_array()) field.refuse("SCHEMA", "is not an array", kFetchAgain);
    merges_ = MergeTable(std::min(list.size(), most_pairs()), list.size());
    joints_ = MergeTable();   // of characters, whose pairs are far fewer
    uint32_t rank = 0;
    std::string whole;
    list.for_each([&](std::string_view left_text, std::string_view right_text, size_t index) {
        if (left_text.empty()) return;
        const auto id_of = [&](std::string_view token) {
            const auto id = vocabulary_.id_of(token);
            if (!id)
                field.refuse("SCHEMA",
                             fmt::format("merge {} needs {}, which is not in the vocabulary", index, in_quotes(token)),
                             kFetchAgain);
            return *id;
        };
        const int32_t left = id_of(left_text), right = id_of(right_text);
        whole.assign(left_text).append(right_text);
        merges_.add(left, right, rank++, id_of(whole));
        joints_.add(last_[static_cast<size_t>(left)], first_[static_cast<size_t>(right)], 0, 0);
    });
}

void Bpe::read_joints() {
    const auto ids = static_cast<size_t>(vocabulary_.size());
    first_.assign(ids, -1);
    last_.assign(ids, -1);
    for (size_t id = 0; id < ids; ++id) {
        const std::string_view token = vocabulary_.token(static_cast<int32_t>(id));
        if (token.empty()) continue;
        size_t last = token.size() - 1;
        while ((static_cast<unsigned char>(token[last]) & 0xc0) == 0x80) --last;
        first_[id] = static_cast<int32_t>(unicode::decode_utf8(token, 0).value);
        last_[id] = static_cast<int32_t>(unicode::decode_utf8(token, last).value);
    }
}

bool Bpe::can_join(int32_t left, int32_t right) const {
    return joints_.rank_of(last_[static_cast<size_t>(left)], first_[static_cast<size_t>(right)]) != MergeTable::kNone;
}

void Bpe::read_letters() {
    for (unsigned byte = 0; byte < 256; ++byte)
        fallback_[byte] = vocabulary_.id_of(fmt::format("<0x{:02X}>", byte)).value_or(-1);
    for (unsigned byte = 0; byte < 256; ++byte)
        bytes_[byte] =
            letter_of(alphabet_ == Alphabet::kBytes ? byte_level_character(static_cast<uint8_t>(byte)) : byte);
}

Bpe::Letter Bpe::letter_of(char32_t character) const {
    Letter letter;
    std::string bytes;
    unicode::append_utf8(bytes, character);
    if (const auto own = vocabulary_.id_of(bytes)) {
        letter.ids[0] = *own;
        letter.count = 1;
        letter.is_token = true;
        return letter;
    }
    if (!byte_fallback_) return letter;
    for (const char byte : bytes) {
        const int32_t id = fallback_[static_cast<unsigned char>(byte)];
        if (id < 0) return {};
        letter.ids[static_cast<size_t>(letter.count++)] = id;
    }
    return letter;
}

void Bpe::append(const Letter& letter, size_t begin, Unknowns& unknowns, std::vector<Symbol>& tokens) const {
    if (letter.count == 0) unknowns.add(begin, tokens);
    if (letter.is_token) unknowns.flush(tokens);   // the library lets bytes overtake a waiting unknown: so do we
    for (int i = 0; i < letter.count; ++i)
        tokens.push_back(
            {.id = letter.ids[static_cast<size_t>(i)],
             .begin = static_cast<uint32_t>(begin + (alphabet_ == Alphabet::kBytes ? 0 : static_cast<size_t>(i))),
             .prev = 0,
             .next = 0,
             .rank = 0});
}

// A merge across two letters needs a left token that ends with the one's last character and a right token that begins
// with the other's first. Where there is none the text falls apart, and words are merged one by one.
void Bpe::merge(std::vector<Symbol>& tokens) const {
    if (tokens.size() <= kShort) return merge_symbols(merges_, tokens);
    std::vector<Symbol> word, out;
    out.reserve(tokens.size());
    for (size_t begin = 0; begin < tokens.size();) {
        size_t end = begin + 1;
        while (end < tokens.size() && can_join(tokens[end - 1].id, tokens[end].id)) ++end;
        if (end - begin == tokens.size()) return merge_symbols(merges_, tokens);
        word.assign(tokens.begin() + static_cast<int64_t>(begin), tokens.begin() + static_cast<int64_t>(end));
        merge_symbols(merges_, word);
        out.insert(out.end(), word.begin(), word.end());
        begin = end;
    }
    tokens.swap(out);
}

void Bpe::encode(std::string_view pre_token, std::vector<Symbol>& tokens) const {
    tokens.clear();
    if (ignore_merges_) {
        std::string mapped;
        if (alphabet_ == Alphabet::kBytes)
            for (const char byte : pre_token)
                unicode::append_utf8(mapped, byte_level_character(static_cast<uint8_t>(byte)));
        if (const auto whole = vocabulary_.id_of(alphabet_ == Alphabet::kBytes ? mapped : pre_token)) {
            tokens.push_back({.id = *whole, .begin = 0, .prev = -1, .next = -1, .rank = MergeTable::kNone});
            return;
        }
    }
    Unknowns unknowns(unk_, fuse_unk_);
    for (size_t at = 0; at < pre_token.size();) {
        const auto byte = static_cast<unsigned char>(pre_token[at]);
        if (alphabet_ == Alphabet::kBytes || byte < 0x80) {
            append(bytes_[byte], at, unknowns, tokens);
            ++at;
        } else {
            const unicode::CodePoint point = unicode::decode_utf8(pre_token, at);
            append(letter_of(point.value), at, unknowns, tokens);
            at += point.bytes;
        }
    }
    unknowns.flush(tokens);
    merge(tokens);
}

}   // namespace llmft
