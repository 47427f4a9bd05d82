#include "tools/command_line.h"

#include <cerrno>
#include <string_view>

namespace llmft {

std::string shell_word(const std::string& word) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=,:@%+-";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string command_line(const std::vector<std::string>& words) {
    std::string line = shell_word(program_invocation_name);
    for (const std::string& word : words) line += " " + shell_word(word);
    return line;
}

}   // namespace llmft
