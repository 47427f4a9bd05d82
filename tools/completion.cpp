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

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
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

// "data", "decode" of `inspect`, with blanks between; empty of most commands.
std::string parts_of(const std::string& name, std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (command.name.starts_with(name + " ")) words.push_back(command.name.substr(name.size() + 1));
    return fmt::format("{}", fmt::join(words, " "));
}

// A pattern of the two words of every such command.
std::string two_words(std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (is_part(command)) words.push_back("'" + command.name + "'");
    return words.empty() ? "''" : fmt::format("{}", fmt::join(words, "|"));
}

std::string bash(std::span<const CommandHelp> commands) {
    std::string values, options, parts;
    for (const CommandHelp& command : commands) {
        if (const std::string words = parts_of(command.name, commands); !words.empty())
            parts += fmt::format("        {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n", command.name, words);
        std::string names = "--help";
        for (const OptionHelp& option : command.options) {
            names += " --" + option.name;
            if (!option.choices.empty())
                values += fmt::format("        '{} --{}') words='{}' ;;\n", command.name, option.name,
                                      fmt::join(option.choices, " "));
            else if (!takes_file(option))
                values += fmt::format("        '{} --{}') return ;;\n", command.name, option.name);
        }
        options += fmt::format("        '{}') words='{}' ;;\n", command.name, names);
    }
    return fmt::format(R"(# llmft completion bash > ~/.local/share/bash-completion/completions/llmft
_llmft() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} words=
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
        return
    fi
    if (( COMP_CWORD > 2 )); then
        case "$command ${{COMP_WORDS[2]}}" in
        {}) command+=" ${{COMP_WORDS[2]}}" ;;
        esac
    fi
    case "$command $before" in
{}    esac
    if [[ -z $words && $word == -* ]]; then
        case "$command" in
{}        esac
    fi
    if [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        (( COMP_CWORD > 2 )) || case "$command" in
{}        esac
        compopt -o default
    fi
}}
complete -F _llmft llmft
)",
                       fmt::join(words_of(commands), " "), two_words(commands), values, options, parts);
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
        if (!is_part(command))
            described += fmt::format("        {}\n",
                                     quoted(command.name + ":" + zsh_text(first_line(command.summary)), "'\\''"));
        options += fmt::format("        '{}')\n            _arguments '--help[prints the options]'", command.name);
        for (const OptionHelp& option : command.options) {
            const std::string action = !option.choices.empty() ? fmt::format("({})", fmt::join(option.choices, " "))
                                       : takes_file(option)    ? "_files"
                                                               : "";
            options += fmt::format(" \\\n                {}",
                                   quoted(fmt::format("--{}[{}]:{}:{}", option.name, zsh_text(short_help(option)),
                                                      option.choices.empty() ? option.value : "value", action),
                                          "'\\''"));
        }
        if (const std::string words = parts_of(command.name, commands); !words.empty())
            options += fmt::format(" \\\n                '1:what:{{ compadd {}; _files }}'", words);
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
    if (( CURRENT > 3 )); then
        case "$command $words[3]" in
        {}) command+=" $words[3]"; shift words; (( CURRENT-- )) ;;
        esac
    fi
    shift words
    (( CURRENT-- ))
    case $command in
{}    esac
}}
if [[ $funcstack[1] == _llmft ]]; then _llmft "$@"; else compdef _llmft llmft; fi
)",
                       described, two_words(commands), options);
}

// Where the words on the line are this command's and none of its `parts`.
std::string fish_condition(const std::string& name, const std::string& parts) {
    const size_t blank = name.find(' ');
    std::string condition = "__fish_seen_subcommand_from " + name.substr(0, blank);
    if (blank != std::string::npos) condition += "; and __fish_seen_subcommand_from " + name.substr(blank + 1);
    if (!parts.empty()) condition += "; and not __fish_seen_subcommand_from " + parts;
    return condition;
}

std::string fish(std::span<const CommandHelp> commands) {
    const auto text = [](std::string_view plain) { return quoted(plain, "\\'"); };
    std::string script = "# llmft completion fish > ~/.config/fish/completions/llmft.fish\ncomplete -c llmft -f\n";
    for (const CommandHelp& command : commands) {
        const std::string words = parts_of(command.name, commands), seen = fish_condition(command.name, words);
        if (!is_part(command))
            script += fmt::format("complete -c llmft -n __fish_use_subcommand -a {} -d {}\n", command.name,
                                  text(first_line(command.summary)));
        if (!words.empty()) script += fmt::format("complete -c llmft -n '{}' -a '{}'\n", seen, words);
        if (command.positional) script += fmt::format("complete -c llmft -n '{}' -F\n", seen);
        for (const OptionHelp& option : command.options) {
            std::string value = takes_file(option) ? "-r -F" : "-x";
            if (!option.choices.empty()) value = fmt::format("-x -a '{}'", fmt::join(option.choices, " "));
            script += fmt::format("complete -c llmft -n '{}' -l {} {} -d {}\n", seen, option.name, value,
                                  text(short_help(option)));
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
