#include "tools/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "tools/option.h"

namespace llmft {
namespace {

using Form = OptionHelp::Form;

// {0}: commands; {1}: pattern of the two words of a command within a command; {2}, {3}: cases of values and of option
// names; {4}: cases of a command's first word.
constexpr const char* kBash = R"(# llmft completion bash > ~/.local/share/bash-completion/completions/llmft
_llmft() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
    local words= items= texts=
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W '{0} help --help --version' -- "$word"))
        return
    fi
    if [[ $command == help ]]; then
        COMPREPLY=($(compgen -W '{0}' -- "$word"))
        return
    fi
    if (( COMP_CWORD > 2 )); then
        case "$command ${{COMP_WORDS[2]}}" in
        {1}) command+=" ${{COMP_WORDS[2]}}" ;;
        esac
    fi
    case "$command $before" in
{2}    esac
    if [[ -z $words$items$texts && $word == -* ]]; then
        case "$command" in
{3}        esac
    fi
    if [[ -n $items ]]; then
        local head=
        [[ $word == *,* ]] && head=${{word%,*}},
        COMPREPLY=($(compgen -P "$head" -W "$items" -- "${{word##*,}}"))
    elif [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    elif [[ -n $texts ]]; then
        COMPREPLY=($(compgen -W "$texts" -- "$word"))
        compopt -o default
    else
        (( COMP_CWORD > 2 )) || case "$command" in
{4}        esac
        compopt -o default
    fi
}}
complete -F _llmft llmft
)";

// {0}: commands with their summaries; {1}: as kBash's; {2}: cases of each command's arguments; {3}: commands.
constexpr const char* kZsh = R"(#compdef llmft
# llmft completion zsh > a folder of $fpath, as _llmft
_llmft() {{
    local -a commands=(
{0}    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    if (( CURRENT > 3 )); then
        case "$command $words[3]" in
        {1}) command+=" $words[3]"; shift words; (( CURRENT-- )) ;;
        esac
    fi
    shift words
    (( CURRENT-- ))
    case $command in
{2}        help) compadd {3} ;;
    esac
}}
if [[ $funcstack[1] == _llmft ]]; then _llmft "$@"; else compdef _llmft llmft; fi
)";

constexpr const char* kFish = R"(# llmft completion fish > ~/.config/fish/completions/llmft.fish
complete -c llmft -f
complete -c llmft -n __fish_use_subcommand -a help -d 'prints the options of a command'
complete -c llmft -n '__fish_seen_subcommand_from help' -a '{0}'
{1})";

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
    return fmt::format("{}", fmt::join(words, between));
}

bool is_part(const CommandHelp& command) {
    return command.name.find(' ') != std::string::npos;
}

// What an option means, without what its values do.
std::string short_help(const OptionHelp& option) {
    const std::string meaning = option.help.substr(0, option.help.find_first_of(";("));
    return meaning.substr(0, meaning.find_last_not_of(' ') + 1);
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

std::string words_of(std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (!is_part(command)) words.push_back(command.name);
    return joined(words);
}

// "data", "decode" of `inspect`, with blanks between; empty of most commands.
std::string parts_of(const std::string& name, std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (command.name.starts_with(name + " ")) words.push_back(command.name.substr(name.size() + 1));
    return joined(words);
}

// What may be a command's first word, where that is known: a command within it, or its argument's value.
std::string first_words(const CommandHelp& command, std::span<const CommandHelp> commands) {
    if (command.positional && !command.positional->choices.empty()) return joined(command.positional->choices);
    return parts_of(command.name, commands);
}

// A pattern of the two words of every such command.
std::string two_words(std::span<const CommandHelp> commands) {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands)
        if (is_part(command)) words.push_back("'" + command.name + "'");
    return words.empty() ? "''" : joined(words, "|");
}

// What a case does for the option's value; "" where nothing but files come to mind.
std::string bash_value(const OptionHelp& option) {
    if (option.choices.empty()) return option.form == Form::kText ? "" : "return";
    const char* const kind = option.form == Form::kList ? "items" : option.form == Form::kText ? "texts" : "words";
    return fmt::format("{}='{}'", kind, joined(option.choices));
}

std::string bash(std::span<const CommandHelp> commands) {
    std::string values, names, firsts;
    for (const CommandHelp& command : commands) {
        std::string all = "--help";
        for (const OptionHelp& option : command.options) {
            all += " --" + option.name;
            if (const std::string value = bash_value(option); !value.empty())
                values += fmt::format("        '{} --{}') {} ;;\n", command.name, option.name, value);
        }
        names += fmt::format("        '{}') words='{}' ;;\n", command.name, all);
        if (const std::string words = first_words(command, commands); !words.empty())
            firsts += fmt::format("        {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n", command.name, words);
    }
    return fmt::format(kBash, words_of(commands), two_words(commands), values, names, firsts);
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

std::string zsh_action(const OptionHelp& option) {
    const std::string words = joined(option.choices);
    switch (option.form) {
        case Form::kList: return fmt::format("_sequence compadd - {}", words);
        case Form::kText: return words.empty() ? "_files" : fmt::format("{{ compadd {}; _files }}", words);
        case Form::kOne: break;
    }
    return words.empty() ? "" : fmt::format("({})", words);
}

std::string zsh_option(const OptionHelp& option) {
    return quoted(fmt::format("--{}[{}]:{}:{}", option.name, zsh_text(short_help(option)),
                              option.choices.empty() ? option.value : "value", zsh_action(option)),
                  "'\\''");
}

std::string zsh(std::span<const CommandHelp> commands) {
    std::string described, arguments;
    for (const CommandHelp& command : commands) {
        if (!is_part(command))
            described += fmt::format("        {}\n",
                                     quoted(command.name + ":" + zsh_text(first_line(command.summary)), "'\\''"));
        std::vector<std::string> specs = {"'--help[prints the options]'"};
        for (const OptionHelp& option : command.options) specs.push_back(zsh_option(option));
        const bool chosen = command.positional && !command.positional->choices.empty();
        if (const std::string words = first_words(command, commands); chosen)
            specs.push_back(fmt::format("'1:{}:({})'", command.positional->name, words));
        else if (!words.empty())
            specs.push_back(fmt::format("'1:what:{{ compadd {}; _files }}'", words));
        if (!chosen) specs.emplace_back("'*:file:_files'");
        arguments += fmt::format("        '{}')\n            _arguments {} ;;\n", command.name,
                                 joined(specs, " \\\n                "));
    }
    return fmt::format(kZsh, described, two_words(commands), arguments, words_of(commands));
}

// Where the words on the line are this command's and none of its `parts`.
std::string fish_condition(const std::string& name, const std::string& parts) {
    const size_t blank = name.find(' ');
    std::string condition = "__fish_seen_subcommand_from " + name.substr(0, blank);
    if (blank != std::string::npos) condition += "; and __fish_seen_subcommand_from " + name.substr(blank + 1);
    if (!parts.empty()) condition += "; and not __fish_seen_subcommand_from " + parts;
    return condition;
}

std::string fish_value(const OptionHelp& option) {
    const std::string words = option.choices.empty() ? "" : fmt::format(" -a '{}'", joined(option.choices));
    return (option.form == Form::kText ? "-r -F" : "-x") + words;
}

std::string fish(std::span<const CommandHelp> commands) {
    const auto text = [](std::string_view plain) { return quoted(plain, "\\'"); };
    std::string lines;
    for (const CommandHelp& command : commands) {
        const std::string seen = fish_condition(command.name, parts_of(command.name, commands));
        const std::string firsts = first_words(command, commands);
        if (!is_part(command))
            lines += fmt::format("complete -c llmft -n __fish_use_subcommand -a {} -d {}\n", command.name,
                                 text(first_line(command.summary)));
        if (!firsts.empty()) lines += fmt::format("complete -c llmft -n '{}' -a '{}'\n", seen, firsts);
        if (command.positional && command.positional->choices.empty())
            lines += fmt::format("complete -c llmft -n '{}' -F\n", seen);
        for (const OptionHelp& option : command.options)
            lines += fmt::format("complete -c llmft -n '{}' -l {} {} -d {}\n", seen, option.name, fish_value(option),
                                 text(short_help(option)));
    }
    return fmt::format(kFish, words_of(commands), lines);
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
