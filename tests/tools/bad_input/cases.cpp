#include "tests/tools/bad_input/cases.h"

#include <doctest/doctest.h>

namespace llmft::test {

void replace_text(const Path& file, std::string_view text, std::string_view other) {
    std::string bytes = bytes_of(file);
    const size_t at = bytes.find(text);
    REQUIRE(at != std::string::npos);
    put(file, bytes.replace(at, text.size(), other));
}

}   // namespace llmft::test
