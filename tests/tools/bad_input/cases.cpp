#include "tests/tools/bad_input/cases.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace llmft::test {
namespace {

std::vector<std::string> split(const std::string& text, std::string_view by) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t at = 0; (at = text.find(by, begin)) != std::string::npos; begin = at + by.size())
        parts.push_back(text.substr(begin, at - begin));
    parts.push_back(text.substr(begin));
    return parts;
}

// Kinds of something in a file: which place in it, is part of the answer. A whole file that is not what it should be
// (a folder, a pickle) has no field, nor has a flag.
bool has_field(const std::string& kind, const std::string& where) {
    static constexpr std::string_view kKinds[] = {"TRUNC", "LAYOUT",   "SHAPE", "DTYPE", "RANGE",
                                                  "DUP",   "OVERFLOW", "EXTRA", "VALUE", "VERSION"};
    return !where.starts_with("--") && std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

}   // namespace

void expect_one_line(const std::string& err, const std::string& kind, const std::string& named) {
    CHECK(std::count(err.begin(), err.end(), '\n') == 1);
    CHECK(err.ends_with('\n'));
    CHECK(err.size() <= 400 + 1);
    CHECK(std::none_of(err.begin(), err.end() - (err.empty() ? 0 : 1),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
    const std::string head = "llmft: error E-" + kind + ": ";
    CHECK(err.starts_with(head));
    if (!err.starts_with(head)) return;
    const std::vector<std::string> ends = split(err.substr(head.size()), "; ");
    CHECK(ends.size() == 2);   // what; remedy
    CAPTURE(named);
    CHECK(err.find(named) != std::string::npos);
    if (kind == "MEMORY") return;   // lies in no file
    const std::vector<std::string> parts = split(ends.front(), ": ");
    CHECK((parts.front().starts_with("--") || parts.front().find('/') != std::string::npos));
    CHECK(parts.size() >= (has_field(kind, parts.front()) ? 3 : 2));   // FILE: FIELD: what
}

void replace_text(const Path& file, std::string_view text, std::string_view other) {
    std::string bytes = bytes_of(file);
    const size_t at = bytes.find(text);
    REQUIRE(at != std::string::npos);
    put(file, bytes.replace(at, text.size(), other));
}

}   // namespace llmft::test
