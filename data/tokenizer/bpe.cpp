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
constexpr std::string_view kFetchAgain = "fetch the file again";

}   // namespace

// Unknown characters not yet written: with fuse_unk a run of them is one token.
class Bpe::Unknowns {
public:
    Unknowns(int32_t id, bool fuse) : id_(id), fuse_(fuse) {}
    void add(size_t begin, size_t end, std::vector<Symbol>& tokens) {
        if (id_ < 0) return;
        if (!fuse_) flush(tokens);
        if (!waiting_) begin_ = begin;
        waiting_ = true;
        end_ = end;
    }
    void flush(std::vector<Symbol>& tokens) {
        if (waiting_)
            tokens.push_back({.id = id_, .begin = static_cast<uint32_t>(begin_), .end = static_cast<uint32_t>(end_)});
        waiting_ = false;
    }

private:
    int32_t id_;
    bool fuse_, waiting_ = false;
    size_t begin_ = 0, end_ = 0;
};

Bpe::Bpe(const JsonField& model, ModelLists lists, Alphabet alphabet)
    : TokenModel(Vocabulary(model.at("vocab"), std::move(lists.tokens))),
      alphabet_(alphabet),
      byte_fallback_(model.flag_or("byte_fallback", false)),
      fuse_unk_(model.flag_or("fuse_unk", false)),
      ignore_merges_(model.flag_or("ignore_merges", false)) {
    const auto dropout = model.find("dropout");
    if (dropout && dropout->json() != 0.0) dropout->refuse("SCHEMA", "BPE dropout is not supported", "set it to null");
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (!model.text_or(name, "").empty())
            model.at(name).refuse("SCHEMA", "is not supported", "use a model without it");
    if (const auto unk = model.find("unk_token")) unk_ = vocabulary().require(unk->text(), *unk);
    read_joints();
    read_merges(model.at("merges"), std::move(lists.merges));
    read_letters();
}

// A token of n bytes is joined from two others in n − 1 ways at most.
size_t Bpe::most_pairs() const {
    size_t pairs = 0;
    for (int32_t id = 0; id < vocabulary().size(); ++id)
        pairs += std::max<size_t>(vocabulary().token(id).size(), 1) - 1;
    return pairs;
}

void Bpe::read_merges(const JsonField& field, MergeList list) {
    if (!field.json().is_array()) field.refuse("SCHEMA", "is not an array", kFetchAgain);
    merges_ = MergeTable(std::min(list.size(), most_pairs()), list.size());
    joints_ = MergeTable();   // of characters, whose pairs are far fewer
    uint32_t rank = 0;
    int32_t last = -1;   // what the merge before made
    std::string whole;
    list.for_each([&](std::string_view left_text, std::string_view right_text, size_t index) {
        if (left_text.empty()) return;
        const auto id_of = [&](std::string_view token) {
            const auto id = vocabulary().id_of(token);
            if (!id)
                field.refuse("SCHEMA",
                             fmt::format("merge {} needs {}, which is not in the vocabulary", index, in_quotes(token)),
                             kFetchAgain);
            return *id;
        };
        const int32_t left = id_of(left_text), right = id_of(right_text);
        whole.assign(left_text).append(right_text);
        // Vocabularies have what merges make in the order of the merges, nearly all of them.
        const int32_t next = last + 1;
        last = next < vocabulary().size() && vocabulary().token(next) == whole ? next : id_of(whole);
        merges_.add(left, right, rank++, last);
        joints_.add(last_[static_cast<size_t>(left)], first_[static_cast<size_t>(right)], 0, 0);
    });
}

void Bpe::read_joints() {
    const auto ids = static_cast<size_t>(vocabulary().size());
    first_.assign(ids, -1);
    last_.assign(ids, -1);
    for (size_t id = 0; id < ids; ++id) {
        const std::string_view token = vocabulary().token(static_cast<int32_t>(id));
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
        fallback_[byte] = vocabulary().id_of(fmt::format("<0x{:02X}>", byte)).value_or(-1);
    for (unsigned byte = 0; byte < 256; ++byte)
        bytes_[byte] =
            letter_of(alphabet_ == Alphabet::kBytes ? byte_level_character(static_cast<uint8_t>(byte)) : byte);
}

Bpe::Letter Bpe::letter_of(char32_t character) const {
    Letter letter;
    std::string bytes;
    unicode::append_utf8(bytes, character);
    if (const auto own = vocabulary().id_of(bytes)) {
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

void Bpe::append(const Letter& letter, size_t begin, size_t bytes, Unknowns& unknowns,
                 std::vector<Symbol>& tokens) const {
    if (letter.count == 0) unknowns.add(begin, begin + bytes, tokens);
    if (letter.is_token) unknowns.flush(tokens);   // the library lets bytes overtake a waiting unknown: so do we
    const bool split = static_cast<size_t>(letter.count) == bytes;   // a token a byte
    for (int i = 0; i < letter.count; ++i) {
        const size_t at = begin + (split ? static_cast<size_t>(i) : 0);
        tokens.push_back({.id = letter.ids[static_cast<size_t>(i)],
                          .begin = static_cast<uint32_t>(at),
                          .end = static_cast<uint32_t>(split ? at + 1 : begin + bytes)});
    }
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
        if (const auto whole = vocabulary().id_of(alphabet_ == Alphabet::kBytes ? mapped : pre_token)) {
            tokens.push_back({.id = *whole, .begin = 0, .end = static_cast<uint32_t>(pre_token.size())});
            return;
        }
    }
    Unknowns unknowns(unk_, fuse_unk_);
    for (size_t at = 0; at < pre_token.size();) {
        const auto byte = static_cast<unsigned char>(pre_token[at]);
        if (alphabet_ == Alphabet::kBytes || byte < 0x80) {
            append(bytes_[byte], at, 1, unknowns, tokens);
            ++at;
        } else {
            const unicode::CodePoint point = unicode::decode_utf8(pre_token, at);
            append(letter_of(point.value), at, point.bytes, unknowns, tokens);
            at += point.bytes;
        }
    }
    unknowns.flush(tokens);
    merge(tokens);
}

}   // namespace llmft
