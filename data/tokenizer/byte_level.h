// ByteLevel: GPT-2's way of splitting text, and its alphabet in which every byte is one printable character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace llmft {

// The character that stands for a byte: itself where it is printable Latin-1, else the next free one from U+0100.
char32_t byte_level_character(uint8_t byte);
std::optional<uint8_t> byte_level_byte(char32_t character);

// Where the pre-token that begins at `at` < text.size() ends, by
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// as a backtracking engine reads it. `text` is valid UTF-8; the work is linear in what is returned.
size_t gpt2_piece_end(std::string_view text, size_t at);

}   // namespace llmft
