#include "tools/man_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/unicode/utf8.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

struct ExitText {
    ExitCode code;
    const char* text;
};
constexpr ExitText kExits[] = {
    {ExitCode::kDone, "done"},
    {ExitCode::kBadInput, "bad input or usage; nothing is left in the output folder"},
    {ExitCode::kOutOfResources, "out of disk, host memory or device memory"},
    {ExitCode::kNumericalStop, "a number that is not finite; the last good state is saved"},
    {ExitCode::kRankOrNetwork, "a rank or the network failed"},
    {ExitCode::kDevice, "a device failed"},
    {ExitCode::kInternalBug, "a bug of llmft"},
    {ExitCode::kStopped, "stopped on request, state saved; the same command goes on"},
};

// A tagged paragraph: what it is about, then its text.
std::string tagged(const std::string& tag, const std::string& text) {
    return fmt::format(".TP\n{}\n{}\n", tag, text);
}

std::string option_paragraph(const OptionHelp& option) {
    std::string text = troff_text(option.help);
    if (!option.default_text.empty()) text += fmt::format(" (default: {})", troff_text(option.default_text));
    return tagged(fmt::format("\\fB{}\\fR \\fI{}\\fR", troff_text("--" + option.name), troff_text(option.value)), text);
}

std::string command_section(const CommandHelp& command) {
    std::string page = fmt::format(".SS llmft {}\n", troff_text(command.name));
    for (size_t at = 0; at < command.summary.size();) {
        const size_t end = std::min(command.summary.find('\n', at), command.summary.size());
        page += troff_text(command.summary.substr(at, end - at)) + "\n";
        at = end + 1;
        if (at < command.summary.size()) page += ".PP\n";
    }
    if (command.positional)
        page += tagged(fmt::format("\\fI{}\\fR", troff_text(command.positional->name)),
                       troff_text(command.positional->help));
    std::string group;
    for (const OptionHelp& option : command.options) {
        if (option.group != group) page += fmt::format(".PP\n\\fI{}\\fR\n", troff_text(group = option.group));
        page += option_paragraph(option);
    }
    return page;
}

}   // namespace

std::string troff_text(std::string_view text) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (static_cast<unsigned char>(c) >= 0x80) {
            const unicode::CodePoint point = unicode::decode_utf8(text, at);
            out += fmt::format("\\[u{:04X}]", static_cast<uint32_t>(point.value));
            at += point.bytes;
            continue;
        }
        ++at;
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '\n')
            out += ' ';
        else if (c == '~')
            out += "\\(ti";
        else if (c == '^')
            out += "\\(ha";
        else if (c == '`')
            out += "\\(ga";
        else
            out += c;
    }
    return out;
}

std::string man_page(std::string_view version, std::span<const CommandHelp> commands) {
    std::string page = fmt::format(
        ".\\\" Written by llmft man.\n.TH LLMFT 1 \"\" \"llmft {}\" \"User Commands\"\n.ad l\n.SH NAME\nllmft \\- "
        "fine\\-tune "
        "Llama\\-family language models\n.SH SYNOPSIS\n.B llmft\n.I COMMAND\n[\\fB\\-\\-name\\fR \\fIvalue\\fR ...]\n"
        ".SH DESCRIPTION\nOne native program that trains LoRA, QLoRA and whole models from a Hugging Face model folder "
        "or a GGUF file\nand rows of JSON, and evaluates, runs and merges what it trained.\n.PP\nEvery option may also "
        "stand in a run file, in snake_case, which \\fB\\-\\-config\\fR names; options on the command line win.\nA "
        "bool "
        "may stand alone. \\fBllmft\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR prints a command's options.\n.SH COMMANDS\n",
        troff_text(version));
    for (const CommandHelp& command : commands) page += command_section(command);
    page += ".SH EXIT STATUS\n";
    for (const ExitText& exit : kExits)
        page += tagged(fmt::format("\\fB{}\\fR", static_cast<int>(exit.code)), troff_text(exit.text));
    page += ".PP\nAn error is one line on stderr: llmft: error E\\-KIND: FILE: FIELD: what; remedy.\n.SH ENVIRONMENT\n";
    page += tagged("\\fBOMP_NUM_THREADS\\fR", "threads to compute with; else the cores that the process may use");
    page += tagged("\\fBNO_COLOR\\fR", "where it is set, nothing is coloured");
    return page;
}

}   // namespace llmft
