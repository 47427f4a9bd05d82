// The manual page, llmft(1), in the macros of man(7).
#pragma once

#include <span>
#include <string>

#include "tools/command_help.h"

namespace llmft {

// Of every command with its options by group, and the exit codes.
std::string man_page(std::string_view version, std::span<const CommandHelp> commands);

// Text (valid UTF-8) for a line of troff: backslashes, dashes, what begins a request, and characters beyond ASCII are
// escaped.
std::string troff_text(std::string_view text);

}   // namespace llmft
