// Upper, lower and title case, and what may be shown, as Python's str has them (its final sigma aside).
#pragma once

#include <cstdint>
#include <string>

namespace llmft::unicode {

enum class Case : uint8_t { kUpper, kLower, kTitle };   // kTitle: of a word's first character
// Appends the character in that case; it may become up to three.
void append_in_case(std::string& text, char32_t code, Case to);

// str.isprintable; unassigned code points count as printable.
bool is_printable(char32_t code);

}   // namespace llmft::unicode
