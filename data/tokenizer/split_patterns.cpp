#include "data/tokenizer/split_patterns.h"

#include <algorithm>
#include <array>

#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft {
namespace {

using unicode::kLetter, unicode::kLower, unicode::kMark, unicode::kNumber, unicode::kSpace, unicode::kUpper;

struct Here {
    uint8_t classes;
    size_t bytes;   // 0 at the end of the text
};

Here look(std::string_view text, size_t at) {
    static const unicode::PageTable& table = unicode::class_table();
    if (at >= text.size()) return {0, 0};
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {table[lead], 1};
    const unicode::CodePoint point = unicode::decode_utf8(text, at);
    return {table[point.value], point.bytes};
}

// Behind the characters from `at` on that are `in` the run; at most so many.
template <class In>
size_t run_end(std::string_view text, size_t at, const In& in, size_t most = SIZE_MAX) {
    for (Here here = look(text, at); here.bytes > 0 && most > 0 && in(here.classes); here = look(text, at)) {
        at += here.bytes;
        --most;
    }
    return at;
}

bool is_letter(uint8_t classes) {
    return (classes & kLetter) != 0;
}
bool is_number(uint8_t classes) {
    return (classes & kNumber) != 0;
}
bool is_space(uint8_t classes) {
    return (classes & kSpace) != 0;
}
bool is_other(uint8_t classes) {
    return (classes & (kLetter | kNumber | kSpace)) == 0;
}

bool is_newline(char c) {
    return c == '\r' || c == '\n';
}

// Bytes of 's|'t|'re|'ve|'m|'ll|'d at `at`, or 0.
size_t contraction(std::string_view text, size_t at) {
    if (text[at] != '\'' || at + 1 >= text.size()) return 0;
    const char first = text[at + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    const char second = at + 2 < text.size() ? text[at + 2] : '\0';
    const bool three =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return three ? 3 : 0;
}

// The same in any case; the long s (U+017F) is an s, too.
size_t contraction_of_any_case(std::string_view text, size_t at) {
    if (text[at] != '\'') return 0;
    if (text.substr(at + 1, 2) == "\u017f") return 3;
    std::array<char, 3> lower = {'\'', '\0', '\0'};
    const size_t bytes = std::min<size_t>(3, text.size() - at);
    for (size_t i = 1; i < bytes; ++i) {
        const char c = text[at + i];
        lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    return contraction(std::string_view(lower.data(), bytes), 0);
}

// \s+(?!\S)|\s+ where white space goes from `at` to `end`: before a word it leaves its last character to that, where
// it has another.
size_t spaces_before_word(std::string_view text, size_t at, size_t end) {
    const size_t last = unicode::character_before(text, end);
    return end < text.size() && last > at ? last : end;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ where white space is at `at`.
size_t space_end_by_lines(std::string_view text, size_t at) {
    const size_t end = run_end(text, at, is_space);
    for (size_t last = end; last > at; --last)
        if (is_newline(text[last - 1])) return last;
    return spaces_before_word(text, at, end);
}

// ` ?[^\s\p{L}\p{N}]+[\r\n]*` at `at`, or 0; `tail`: what the run may end with besides.
size_t other_end(std::string_view text, size_t at, std::string_view tail) {
    const size_t begin = at + (text[at] == ' ' ? 1 : 0);
    size_t end = run_end(text, begin, is_other);
    if (end == begin) return 0;
    return std::min(text.find_first_not_of(tail, end), text.size());
}

// `[^\r\n\p{L}\p{N}]?` at `at`: behind it.
size_t behind_lead(std::string_view text, size_t at) {
    const Here here = look(text, at);
    const bool lead = (here.classes & (kLetter | kNumber)) == 0 && !is_newline(text[at]);
    return lead ? at + here.bytes : at;
}

// Llama 3's and Qwen 2's, which differ in how many digits stay together.
template <size_t most_digits>
size_t cl100k_piece_end(std::string_view text, size_t at) {
    if (const size_t bytes = contraction_of_any_case(text, at)) return at + bytes;
    const size_t letters = behind_lead(text, at);
    if (const size_t end = run_end(text, letters, is_letter); end > letters) return end;
    if (const size_t end = run_end(text, at, is_number, most_digits); end > at) return end;
    if (const size_t end = other_end(text, at, "\r\n")) return end;
    return space_end_by_lines(text, at);
}

bool is_upper_or_any(uint8_t classes) {   // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
    return (classes & (kLetter | kMark)) != 0 && (classes & kLower) == 0;
}
bool is_lower_or_any(uint8_t classes) {   // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
    return (classes & (kLetter | kMark)) != 0 && (classes & kUpper) == 0;
}

// U*L+ with U and L the two classes above, or 0. Where nothing in lower case follows the U's, they give back up to the
// last one that is an L as well.
size_t capitalised_end(std::string_view text, size_t at) {
    size_t upper_end = at, shared_end = 0;
    for (Here here = look(text, at); here.bytes > 0 && is_upper_or_any(here.classes); here = look(text, upper_end)) {
        upper_end += here.bytes;
        if (is_lower_or_any(here.classes)) shared_end = upper_end;
    }
    const size_t end = run_end(text, upper_end, is_lower_or_any);
    return end > upper_end ? end : shared_end;
}

// Tekken's (Mistral Nemo and later): words end where a capital begins.
size_t tekken_piece_end(std::string_view text, size_t at) {
    const size_t lead = behind_lead(text, at);
    for (const size_t begin : {lead, at})   // a lead that is a mark may be the word's first character as well
        if (const size_t end = capitalised_end(text, begin)) return end;
    for (const size_t begin : {lead, at})
        if (const size_t end = run_end(text, begin, is_upper_or_any); end > begin) return end;
    if (const size_t end = run_end(text, at, is_number, 1); end > at) return end;
    if (const size_t end = other_end(text, at, "\r\n/")) return end;
    return space_end_by_lines(text, at);
}

struct Known {
    std::string_view expression;
    PieceEnd piece_end;
};
constexpr Known kKnown[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", gpt2_piece_end},
    {kLlama3Split, cl100k_piece_end<3>},
    {kQwen2Split, cl100k_piece_end<1>},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?)"
     R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     tekken_piece_end},
};

}   // namespace

PieceEnd known_split(std::string_view expression) {
    const auto known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                    [&](const Known& one) { return one.expression == expression; });
    return known == std::end(kKnown) ? nullptr : known->piece_end;
}

size_t gpt2_piece_end(std::string_view text, size_t at) {
    if (const size_t bytes = contraction(text, at)) return at + bytes;
    const size_t begin =
        at + (text[at] == ' ' && at + 1 < text.size() && !is_space(look(text, at + 1).classes) ? 1 : 0);
    const uint8_t first = look(text, begin).classes;
    if (is_letter(first)) return run_end(text, begin, is_letter);
    if (is_number(first)) return run_end(text, begin, is_number);
    if (is_other(first)) return run_end(text, begin, is_other);
    const size_t end = run_end(text, at, is_space);
    return spaces_before_word(text, at, end);
}

}   // namespace llmft
