// An example with its mask, as a person reads it.
#pragma once

#include <string>

#include "data/dataset.h"
#include "tools/terminal.h"

namespace llmft {

// The first `tokens` tokens: what is not learned is dimmed with colour, in ⟦ ⟧ without. Lines stay lines, other control
// characters are escaped.
std::string mask_text(const Example& example, const Tokenizer& tokenizer, int64_t tokens, Colour colour);

}   // namespace llmft
