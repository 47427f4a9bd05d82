// Text from outside, made fit for an HTML page.
#pragma once

#include <string>
#include <string_view>

namespace llmft {

// For an element's text or a quoted attribute: the five characters that mean something in HTML become entities, control
// characters (but for tab and newline) and ill-formed UTF-8 become escapes that can be read.
std::string escape_html(std::string_view text);

// A relative path as a URL: all bytes but letters, digits and "-._~/" become %XX, so that it leads to no other scheme
// or place whatever the names in it are.
std::string encoded_path(std::string_view path);

// At most `bytes` of the text, cut between characters, with "…" where something is left out.
std::string shortened(std::string_view text, size_t bytes);

}   // namespace llmft
