#include "tools/command_help.h"

#include "tools/option.h"

namespace llmft {
namespace {

HelpCatcher* catcher = nullptr;

CommandHelp help_of_one(const Command& command, std::vector<std::string> arguments, std::string name) {
    HelpCatcher listener;
    arguments.emplace_back("--help");
    command.run(arguments);
    listener.caught.name = std::move(name);
    return std::move(listener.caught);
}

}   // namespace

HelpCatcher::HelpCatcher() {
    catcher = this;
}

HelpCatcher::~HelpCatcher() {
    catcher = nullptr;
}

HelpCatcher* HelpCatcher::listening() {
    return catcher;
}

std::vector<CommandHelp> help_of(std::span<const Command> commands) {
    std::vector<CommandHelp> all;
    for (const Command& command : commands) {
        const std::string name(command.name);
        all.push_back(help_of_one(command, {}, name));
        for (const std::string& part : split_choices(command.parts))
            all.push_back(help_of_one(command, {part}, name + " " + part));
    }
    return all;
}

CommandHelp help_of(std::span<const Command> commands, std::string_view name) {
    for (const Command& command : commands)
        if (command.name == name) return help_of_one(command, {}, std::string(name));
    return {};
}

}   // namespace llmft
