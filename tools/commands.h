// From argv to a command and from an exception to one line and an exit code. tools/main.cpp holds the table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llmft {

struct Command {
    std::string_view name;
    std::string_view help;                                   // one line
    int (*run)(const std::vector<std::string>& arguments);   // those behind the command's name; returns the exit code
    std::string_view parts = {};                             // "data|decode": first words with options of their own
};

// Runs the command that arguments[0] names. No arguments, help or --help: the table of commands on stdout. help
// COMMAND: the command's --help. --version: the version. Exceptions become one line on stderr; with exit 2 or 3 what
// engine/log still holds is dropped, so that this line is alone.
int run_command(std::span<const Command> commands, const std::vector<std::string>& arguments);

// The table that run_command works on.
std::span<const Command> known_commands();

std::string_view version();

// "llmft: error E-KIND: TEXT": control characters and ill-formed UTF-8 escaped, at most 400 bytes: a longer text loses
// its middle, since the end says what to do.
std::string error_line(std::string_view kind, std::string_view text);

}   // namespace llmft
