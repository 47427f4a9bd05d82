// Escapes of Python string literals.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace llmft::jinja {

// What a literal without its quotes stands for; nothing where an escape is broken, names a character, or makes half of
// a surrogate pair.
std::optional<std::string> unescaped(std::string_view literal);

}   // namespace llmft::jinja
