// Commands that a person can paste.
#pragma once

#include <string>
#include <vector>

namespace llmft {

// A word as a shell reads it: in single quotes where it holds more than letters, digits and a few signs.
std::string shell_word(const std::string& word);

// This program as it was called, then the words: "./llmft generate --model 'my model'".
std::string command_line(const std::vector<std::string>& words);

}   // namespace llmft
