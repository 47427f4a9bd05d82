// What stdout and stderr are.
#pragma once

#include <cstdint>

namespace llmft {

enum class Colour : uint8_t { kNo, kYes };
// kYes where the descriptor is a terminal and NO_COLOR is not set.
Colour colour_on(int descriptor);

}   // namespace llmft
