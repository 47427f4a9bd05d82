// ByteLevel: GPT-2's alphabet in which every byte is one printable character.
#pragma once

#include <cstdint>
#include <optional>

namespace llmft {

// The character that stands for a byte: itself where it is printable Latin-1, else the next free one from U+0100.
char32_t byte_level_character(uint8_t byte);
std::optional<uint8_t> byte_level_byte(char32_t character);

}   // namespace llmft
