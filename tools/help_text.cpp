#include "tools/help_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/log/columns.h"

namespace llmft {
namespace {

constexpr size_t kColumns = 80, kHelpColumn = 30;

// The words of a text, line below line, each behind `indent` spaces; the first line has `used` columns already.
std::string wrapped(std::string_view text, size_t indent, size_t used) {
    std::string out;
    size_t column = used;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find_first_of(" \n", at), text.size());
        const std::string_view word = text.substr(at, end - at);
        const size_t width = terminal_columns_of(word);
        const bool first = column <= indent;
        if (!first && column + 1 + width > kColumns) {
            out += '\n';
            column = 0;
        } else if (!first) {
            out += ' ';
            ++column;
        }
        if (column < indent) {
            out += std::string(indent - column, ' ');
            column = indent;
        }
        out += word;
        column += width;
        if (end < text.size() && text[end] == '\n') {
            out += '\n';
            column = 0;
        }
        at = end + 1;
    }
    return out + '\n';
}

std::string option_text(const OptionHelp& option, const std::string& dashes) {
    std::string head = fmt::format("  {}{} {}", dashes, option.name, option.value), help = option.help;
    if (head.size() >= kColumns) {
        head = fmt::format("  {}{} WORD", dashes, option.name);
        help += fmt::format(" ({})", fmt::join(option.choices, ", "));
    }
    if (!option.default_text.empty()) help += fmt::format(" (default: {})", option.default_text);
    if (head.ends_with(' ')) head.pop_back();
    if (head.size() + 2 > kHelpColumn) return head + '\n' + wrapped(help, kHelpColumn, 0);
    return head + wrapped(help, kHelpColumn, head.size());
}

}   // namespace

std::string help_text(const CommandHelp& command) {
    std::string text = wrapped(command.summary, 0, 0);
    text += fmt::format("\nusage: llmft {}{} --name value ...\n", command.name,
                        command.positional ? " " + command.positional->name : "");
    if (command.positional) text += '\n' + option_text(*command.positional, "");
    std::vector<std::string> groups;
    for (const OptionHelp& option : command.options)
        if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
    for (const std::string& group : groups) {
        text += fmt::format("\n{}:\n", group);
        for (const OptionHelp& option : command.options)
            if (option.group == group) text += option_text(option, "--");
        if (group == groups.front()) text += option_text({.name = "help", .help = "prints this"}, "--");
    }
    return text;
}

}   // namespace llmft
