// Scripts that let a shell complete commands, options and their values.
#pragma once

#include <span>
#include <string>

#include "tools/command_help.h"

namespace llmft {

// shell: "bash", "zsh" or "fish". Values of options that have a few are completed by them, other text by file names.
std::string completion_script(std::string_view shell, std::span<const CommandHelp> commands);

}   // namespace llmft
