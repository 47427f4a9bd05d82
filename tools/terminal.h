// What stdout and stderr are.
#pragma once

#include <cstdint>

namespace llmft {

enum class Colour : uint8_t { kNo, kYes };
// kYes where the descriptor is a terminal, NO_COLOR is not set to something (no-color.org), and TERM is not "dumb".
Colour colour_on(int descriptor);

// False where TERM is "dumb": it prints escape sequences instead of obeying them.
bool can_rewrite_lines();

}   // namespace llmft
