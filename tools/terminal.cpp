#include "tools/terminal.h"

#include <unistd.h>

#include <cstdlib>

namespace llmft {

Colour colour_on(int descriptor) {
    return isatty(descriptor) == 1 && std::getenv("NO_COLOR") == nullptr ? Colour::kYes : Colour::kNo;
}

}   // namespace llmft
