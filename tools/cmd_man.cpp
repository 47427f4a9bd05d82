// man: the manual page.
#include <fmt/format.h>

#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/man_page.h"

namespace llmft {

int cmd_man(const std::vector<std::string>& arguments) {
    Flags flags("man", "prints the manual page: llmft man > llmft.1; man -l llmft.1");
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    fmt::print("{}", man_page(version(), help_of(known_commands())));
    return 0;
}

}   // namespace llmft
