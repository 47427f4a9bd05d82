// completion: a shell's script.
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "tools/cmd.h"
#include "tools/completion.h"
#include "tools/flags.h"

namespace llmft {

int cmd_completion(const std::vector<std::string>& arguments) {
    std::string shell;
    Flags flags("completion", "prints what makes a shell complete llmft's commands, options and values");
    flags.positional("SHELL", shell, "bash, zsh or fish", {.one_of = "bash|zsh|fish"});
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    if (shell.empty()) throw UserError("USAGE", "SHELL", "", "missing", "write llmft completion bash, zsh or fish");
    fmt::print("{}", completion_script(shell, help_of(known_commands())));
    return 0;
}

}   // namespace llmft
