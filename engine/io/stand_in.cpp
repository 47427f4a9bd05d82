#include "engine/io/stand_in.h"

#include <algorithm>
#include <string>

#include "kernels/base/error.h"

namespace llmft {

void refuse_stand_in(std::string_view head, std::string_view where) {
    if (head.starts_with("version https://git-lfs"))
        throw UserError("SYNTAX", where, "", "is a git-lfs pointer, not the file", "run git lfs pull");
    constexpr size_t kLongestTag = 16;
    std::string tag(head.substr(std::min(head.find_first_not_of(" \t\r\n"), head.size())).substr(0, kLongestTag));
    std::transform(tag.begin(), tag.end(), tag.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
    if (tag.starts_with("<!doctype html") || tag.starts_with("<html"))
        throw UserError("SYNTAX", where, "", "is a web page, not the file", "fetch the file again");
}

}   // namespace llmft
