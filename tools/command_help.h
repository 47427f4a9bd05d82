// What every command's --help says, as data: for completion and the manual page.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/commands.h"

namespace llmft {

struct OptionHelp {
    std::string name = {}, group = {}, help = {};
    std::string value = {};                  // "N", "X", "true|false", "TEXT", "auto|cpu"
    std::vector<std::string> choices = {};   // values to offer
    enum class Form : uint8_t {
        kOne,    // a number, or one of the choices
        kList,   // some of the choices, with commas between
        kText,   // any text, often the name of a file, the choices among it
    } form = Form::kOne;
    std::string default_text = {};   // empty where there is none
};

struct CommandHelp {
    std::string name = {};   // "train", "inspect data"
    std::string summary = {};
    std::optional<OptionHelp> positional = {};
    std::vector<OptionHelp> options = {};
};

// Asks each command for its help, without running it.
std::vector<CommandHelp> help_of(std::span<const Command> commands);
// Of the one with this name; empty where there is none.
CommandHelp help_of(std::span<const Command> commands, std::string_view name);

// While one lives, Flags::parse gives the help to it instead of printing it. At most one at a time.
class HelpCatcher {
public:
    HelpCatcher();
    ~HelpCatcher();
    HelpCatcher(const HelpCatcher&) = delete;
    HelpCatcher& operator=(const HelpCatcher&) = delete;

    // Null where nobody listens.
    static HelpCatcher* listening();
    CommandHelp caught;
};

}   // namespace llmft
