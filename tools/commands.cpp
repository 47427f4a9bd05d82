#include "tools/commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <new>

#include "engine/io/quote.h"
#include "engine/log/log.h"
#include "kernels/base/error.h"
#include "tools/little_memory.h"
#include "tools/unknown_name.h"

namespace llmft {
namespace {

constexpr size_t kLongestLine = 400;
constexpr std::string_view kVersion = LLMFT_VERSION;
std::span<const Command> known;

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

void print(std::FILE* stream, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

int fail(ExitCode code, std::string_view kind, std::string_view text) {
    if (code == ExitCode::kBadInput || code == ExitCode::kOutOfResources)
        log::drop();
    else
        log::release();
    print(stderr, error_line(kind, text) + '\n');
    return static_cast<int>(code);
}

int fail_as_bug(std::string_view text) {
    return fail(ExitCode::kInternalBug, "BUG",
                fmt::format("{}; this is a bug of llmft, please report it with the command", text));
}

std::string table(std::span<const Command> commands) {
    std::string text = fmt::format(
        "llmft {}: fine-tunes Llama-family language models\n\nusage: llmft COMMAND --name value ...\n\n", kVersion);
    for (const Command& command : commands) text += fmt::format("  {:<10} {}\n", command.name, command.help);
    return text + "\nllmft COMMAND --help lists a command's options.\n";
}

int dispatch(std::span<const Command> commands, const std::vector<std::string>& arguments) {
    const std::string_view word = arguments.empty() ? "--help" : std::string_view(arguments.front());
    if (word == "help" && arguments.size() > 1) {   // `help train` is `train --help`
        std::vector<std::string> asked(arguments.begin() + 1, arguments.end());
        asked.emplace_back("--help");
        return dispatch(commands, asked);
    }
    if (word == "help" || word == "--help" || word == "--version") {
        print(stdout, word == "--version" ? fmt::format("llmft {}\n", kVersion) : table(commands));
        return 0;
    }
    if (command_comes_later(word))
        throw UserError("USAGE", "", "", fmt::format("\"{}\": this version does not have it yet", word),
                        "llmft --help lists the commands");
    std::vector<std::string> names;
    for (const Command& command : commands) {
        if (command.name == word) return command.run({arguments.begin() + 1, arguments.end()});
        names.emplace_back(command.name);
    }
    const std::string near = nearest(word, names);
    throw UserError("USAGE", "", "",
                    fmt::format("\"{}\": unknown {}", word, word.starts_with('-') ? "option" : "command"),
                    near.empty() ? "llmft --help lists the commands" : fmt::format("did you mean llmft {}?", near));
}

}   // namespace

std::string error_line(std::string_view kind, std::string_view text) {
    std::string line = fmt::format("llmft: error E-{}: {}", kind, on_one_line(text));
    if (line.size() <= kLongestLine) return line;
    constexpr std::string_view kGap = " ... ";
    size_t head = kLongestLine / 2;
    size_t tail = line.size() - (kLongestLine - head - kGap.size());
    while (continues(line[head])) --head;
    while (tail < line.size() && continues(line[tail])) ++tail;
    return fmt::format("{}{}{}", line.substr(0, head), kGap, line.substr(tail));
}

namespace {

int run_or_fail(std::span<const Command> commands, const std::vector<std::string>& arguments) {
    try {
        const int code = dispatch(commands, arguments);
        log::release();
        const bool printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
        if (code == 0 && !printed) throw DiskFull("stdout: cannot be written; free some space");
        return code;
    } catch (const InternalError& error) {
        return fail_as_bug(error.what());
    } catch (const Error& error) {
        return fail(error.code(), error.kind(), error.what());
    } catch (const std::bad_alloc&) {
        return fail_for_memory();
    } catch (const std::filesystem::filesystem_error& error) {
        if (error.code() == std::errc::not_enough_memory) return fail_for_memory();
        if (error.code() == std::errc::no_space_on_device)
            return fail(ExitCode::kOutOfResources, "DISK",
                        fmt::format("{}: no space left; free some", error.path1().native()));
        return fail(
            ExitCode::kBadInput, "PATH",
            fmt::format("{}: {}; check the path and its rights", error.path1().native(), error.code().message()));
    } catch (const std::exception& error) {
        return fail_as_bug(error.what());
    } catch (...) {
        return fail_as_bug("an exception of unknown type");
    }
}

}   // namespace

std::span<const Command> known_commands() {
    return known;
}

std::string_view version() {
    return kVersion;
}

int run_command(std::span<const Command> commands, const std::vector<std::string>& arguments) {
    known = commands;
    try {
        return run_or_fail(commands, arguments);
    } catch (const std::bad_alloc&) {   // the line of another error found no room
        return fail_for_memory();
    }
}

}   // namespace llmft
