// Text from outside, made fit for one line of an error message or a report.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llmft {

// "text" in double quotes; control characters, quotes, backslashes and invalid UTF-8 as escapes; cut, with "…" at the
// end, where the quoted form would pass max_bytes.
std::string in_quotes(std::string_view text, size_t max_bytes = 80);

// The text for one line of a terminal: control characters (C0, DEL, C1) and invalid UTF-8 as escapes, the rest as it
// is.
std::string on_one_line(std::string_view text);

// "1 byte", "2 bytes".
std::string byte_count_text(uint64_t bytes);

// Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms), else
// npos.
size_t first_invalid_utf8(std::string_view text);

}   // namespace llmft
