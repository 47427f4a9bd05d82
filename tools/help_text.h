// What --help prints.
#pragma once

#include <string>

#include "tools/command_help.h"

namespace llmft {

// Summary, usage, and the options by group with their defaults, in eighty columns.
std::string help_text(const CommandHelp& command);

}   // namespace llmft
