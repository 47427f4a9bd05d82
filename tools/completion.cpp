#include "tools/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"

namespace llmft {
namespace {

bool is_part(const CommandHelp& command) {
    return command.name.find(' ') != std::string::npos;
}

bool takes_file(const OptionHelp& option) {
    return option.value == "TEXT";
}

// The part of the help before its first colon, semicolon or bracket, for a line beside the option.
std::string short_help(const OptionHelp& option) {
    return option.help.substr(0, option.help.find_first_of(";(:"));
}

// 'text', with the quotes in it written as shells want them.
std::string quoted(std::string_view text, std::string_view inner_quote) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string(inner_quote) : std::string(1, c);
    return out + "'";
}

std::vector<std::string> words_of(std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (!is_part(command)) words.push_back(command.name);
    return words;
}

std::string bash(std::span<const CommandHelp> commands) {
    std::string values, options;
    for (const CommandHelp& command : commands) {
        if (is_part(command)) continue;
        std::string names = "--help";
        for (const OptionHelp& option : command.options) {
            names += " --" + option.name;
            if (!option.choices.empty())
                values += fmt::format("        '{} --{}') words='{}' ;;\n", command.name, option.name,
                                      fmt::join(option.choices, " "));
            else if (!takes_file(option))
                values += fmt::format("        '{} --{}') return ;;\n", command.name, option.name);
        }
        options += fmt::format("        {}) words='{}' ;;\n", command.name, names);
    }
    return fmt::format(R"(# llmft completion bash > ~/.local/share/bash-completion/completions/llmft
_llmft() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}} $before" in
{}    esac
    if [[ -z $words && $word == -* ]]; then
        case "${{COMP_WORDS[1]}}" in
{}        esac
    fi
    if [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        compopt -o default
    fi
}}
complete -F _llmft llmft
)",
                       fmt::join(words_of(commands), " "), values, options);
}

// In the specs of _arguments colons and brackets mean something.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string zsh(std::span<const CommandHelp> commands) {
    std::string described, options;
    for (const CommandHelp& command : commands) {
        if (is_part(command)) continue;
        described += fmt::format(
            "        {}\n",
            quoted(command.name + ":" + zsh_text(command.summary.substr(0, command.summary.find('\n'))), "'\\''"));
        options += fmt::format("        {})\n            _arguments '--help[prints the options]'", command.name);
        for (const OptionHelp& option : command.options) {
            const std::string action = !option.choices.empty() ? fmt::format("({})", fmt::join(option.choices, " "))
                                       : takes_file(option)    ? "_files"
                                                               : "";
            options += fmt::format(" \\\n                {}",
                                   quoted(fmt::format("--{}[{}]:{}:{}", option.name, zsh_text(short_help(option)),
                                                      option.choices.empty() ? option.value : "value", action),
                                          "'\\''"));
        }
        options += " \\\n                '*:file:_files' ;;\n";
    }
    return fmt::format(R"(#compdef llmft
# llmft completion zsh > a folder of $fpath, as _llmft
_llmft() {{
    local -a commands=(
{}    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{}    esac
}}
if [[ $funcstack[1] == _llmft ]]; then _llmft "$@"; else compdef _llmft llmft; fi
)",
                       described, options);
}

std::string fish(std::span<const CommandHelp> commands) {
    const auto text = [](std::string_view plain) { return quoted(plain, "\\'"); };
    std::string script = "# llmft completion fish > ~/.config/fish/completions/llmft.fish\ncomplete -c llmft -f\n";
    for (const CommandHelp& command : commands) {
        if (is_part(command)) continue;
        script += fmt::format("complete -c llmft -n __fish_use_subcommand -a {} -d {}\n", command.name,
                              text(command.summary.substr(0, command.summary.find('\n'))));
        if (command.positional)
            script += fmt::format("complete -c llmft -n '__fish_seen_subcommand_from {}' -F\n", command.name);
        for (const OptionHelp& option : command.options) {
            std::string value = takes_file(option) ? "-r -F" : "-x";
            if (!option.choices.empty()) value = fmt::format("-x -a '{}'", fmt::join(option.choices, " "));
            script += fmt::format("complete -c llmft -n '__fish_seen_subcommand_from {}' -l {} {} -d {}\n",
                                  command.name, option.name, value, text(short_help(option)));
        }
    }
    return script;
}

}   // namespace

std::string completion_script(std::string_view shell, std::span<const CommandHelp> commands) {
    if (shell == "bash") return bash(commands);
    if (shell == "zsh") return zsh(commands);
    if (shell == "fish") return fish(commands);
    throw UserError("USAGE", "SHELL", "", fmt::format("\"{}\": not one of bash, zsh, fish", shell),
                    "write llmft completion bash");
}

}   // namespace llmft
