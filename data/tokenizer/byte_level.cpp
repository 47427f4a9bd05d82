#include "data/tokenizer/byte_level.h"

#include <array>

namespace llmft {
namespace {

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

}   // namespace

char32_t byte_level_character(uint8_t byte) {
    return kAlphabet.character[byte];
}

std::optional<uint8_t> byte_level_byte(char32_t character) {
    if (character >= kAlphabet.byte.size() || kAlphabet.byte[character] < 0) return std::nullopt;
    return static_cast<uint8_t>(kAlphabet.byte[character]);
}

}   // namespace llmft
