// Texts by characters, as Python counts them: code points of valid UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/unicode/cases.h"

namespace llmft::jinja {

bool is_space(char32_t code);   // str.isspace

int64_t character_count(std::string_view text);
std::vector<std::string_view> characters(std::string_view text);
// Where character `index` >= 0 begins; text.size() beyond the last.
size_t offset_of(std::string_view text, int64_t index);

// Where `what` is in the text from `from` on, or npos; linear whatever the two are.
size_t find_text(std::string_view text, std::string_view what, size_t from = 0);

// White space at the beginning of the text, in bytes.
size_t leading_space(std::string_view text);

enum class Side : uint8_t { kLeft, kRight, kBoth };
// Without the characters of `set` at its ends; no set: white space.
std::string_view stripped(std::string_view text, Side side, std::optional<std::string_view> set = {});

std::string in_case(std::string_view text, unicode::Case to);
std::string capitalized(std::string_view text);   // the first character in title case, the others in lower case

}   // namespace llmft::jinja
