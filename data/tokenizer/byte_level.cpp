#include "data/tokenizer/byte_level.h"

#include <array>

#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft {
namespace {

using unicode::decode_utf8;

constexpr bool stands_for_itself(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

struct Alphabet {
    std::array<char32_t, 256> character{};
    std::array<int16_t, 0x144> byte{};   // −1: no byte

    constexpr Alphabet() {
        for (int16_t& value : byte) value = -1;
        char32_t next = 0x100;
        for (unsigned b = 0; b < 256; ++b) {
            character[b] = stands_for_itself(b) ? static_cast<char32_t>(b) : next++;
            byte[character[b]] = static_cast<int16_t>(b);
        }
    }
};
constexpr Alphabet kAlphabet;

constexpr uint8_t kKinds =
    unicode::kLetter | unicode::kNumber | unicode::kSpace;   // none of them: the pattern's third kind

struct Here {
    uint8_t kind;
    size_t bytes;
};

Here look(std::string_view text, size_t at) {
    static const std::array<uint8_t, 128> ascii = [] {
        std::array<uint8_t, 128> kinds{};
        for (char32_t c = 0; c < 128; ++c) kinds[c] = unicode::classes_of(c) & kKinds;
        return kinds;
    }();
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 128) return {ascii[lead], 1};
    const unicode::CodePoint point = decode_utf8(text, at);
    return {static_cast<uint8_t>(unicode::classes_of(point.value) & kKinds), point.bytes};
}

// 2 or 3 bytes of a contraction at `at`, or 0.
size_t contraction(std::string_view text, size_t at) {
    if (text[at] != '\'' || at + 1 >= text.size()) return 0;
    const char first = text[at + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (at + 2 >= text.size()) return 0;
    const char second = text[at + 2];
    const bool three =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return three ? 3 : 0;
}

}   // namespace

char32_t byte_level_character(uint8_t byte) {
    return kAlphabet.character[byte];
}

std::optional<uint8_t> byte_level_byte(char32_t character) {
    if (character >= kAlphabet.byte.size() || kAlphabet.byte[character] < 0) return std::nullopt;
    return static_cast<uint8_t>(kAlphabet.byte[character]);
}

size_t gpt2_piece_end(std::string_view text, size_t at) {
    if (const size_t bytes = contraction(text, at)) return at + bytes;
    Here here = look(text, at);
    if (text[at] == ' ' && at + 1 < text.size()) {
        const Here next = look(text, at + 1);
        if (next.kind != unicode::kSpace) {
            ++at;
            here = next;
        }
    }
    const uint8_t kind = here.kind;
    size_t end = at + here.bytes, last = at;   // `last`: where the run's last character begins
    while (end < text.size()) {
        here = look(text, end);
        if (here.kind != kind) break;
        last = end;
        end += here.bytes;
    }
    const bool gives_one_back = kind == unicode::kSpace && end < text.size() && last > at;
    return gives_one_back ? last : end;
}

}   // namespace llmft
