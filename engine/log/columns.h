// How wide text is on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace llmft {

// Columns that well-formed UTF-8 takes: two for wide characters (East Asian, most emoji), none for those that join the
// one before.
size_t terminal_columns_of(std::string_view text);

// The longest beginning of the text that is at most `columns` wide.
std::string_view first_columns(std::string_view text, size_t columns);

}   // namespace llmft
