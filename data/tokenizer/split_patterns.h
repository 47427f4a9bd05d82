// The regular expressions by which byte-level tokenizers cut texts, as loops: each does what a backtracking engine
// makes of its expression, in time linear in the piece.
#pragma once

#include <cstddef>
#include <string_view>

namespace llmft {

// Where the piece that begins at `at` < text.size() ends; `text` is valid UTF-8.
using PieceEnd = size_t (*)(std::string_view text, size_t at);

// Of Llama 3 and of Qwen 2, as published.
constexpr std::string_view kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The loop for an expression as it stands in published tokenizer.json files, or null. Its matches leave no gap.
PieceEnd known_split(std::string_view expression);

// GPT-2's, which ByteLevel has built in:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t gpt2_piece_end(std::string_view text, size_t at);

}   // namespace llmft
