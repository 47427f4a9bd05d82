// UTF-8 in and out. Text is checked once, where it enters; after that decode_utf8 trusts it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace llmft::unicode {

struct CodePoint {
    char32_t value;
    size_t bytes;
};

// The code point at `at` < text.size() of valid UTF-8.
inline CodePoint decode_utf8(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
    const char32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
    if (lead < 0xf0) return {(lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
    return {(lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

// Where the character that ends at `end` > 0 of valid UTF-8 begins.
inline size_t character_before(std::string_view text, size_t end) {
    do {
        --end;
    } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
    return end;
}

// Bytes of the well-formed sequence at `at`, or 0; `wrong` is then how many bytes one replacement character stands for
// (the longest prefix of a well-formed sequence, at least one byte: Unicode 16, table 3-7 and section 3.9).
struct Sequence {
    size_t bytes;
    size_t wrong;
};
Sequence sequence_at(std::string_view text, size_t at);

void append_utf8(std::string& text, char32_t code);

// Ill-formed parts replaced by U+FFFD, one for each `wrong` run.
std::string lossy_utf8(std::string_view bytes);

}   // namespace llmft::unicode
