#include "tools/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace llmft {

Colour colour_on(int descriptor) {
    const char* refused = std::getenv("NO_COLOR");
    const bool wanted = (refused == nullptr || *refused == 0) && can_rewrite_lines();
    return isatty(descriptor) == 1 && wanted ? Colour::kYes : Colour::kNo;
}

bool can_rewrite_lines() {
    const char* terminal = std::getenv("TERM");
    return terminal == nullptr || std::string_view(terminal) != "dumb";
}

}   // namespace llmft
