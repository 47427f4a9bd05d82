// llmft: the table of commands. A command is one function in tools/cmd_<name>.cpp and one line here.
#include <array>

#include "tools/commands.h"

namespace {

constexpr std::array<llmft::Command, 0> kCommands = {};

}   // namespace

int main(int argc, char** argv) {
    return llmft::run_command(kCommands, {argv + (argc > 0), argv + argc});
}
