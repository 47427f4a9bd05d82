// Text for the person who started the program, on stdout or stderr.
#pragma once

#include <fmt/format.h>

#include <cstdio>

namespace llmft {

// Where nobody can take it any more (a terminal that closed, a pipe whose reader is gone, a full disk under a log) the
// text is lost, and that is no error: the work goes on.
template <class... Values>
void say(std::FILE* stream, fmt::format_string<Values...> text, Values&&... values) {
    const std::string line = fmt::format(text, std::forward<Values>(values)...);
    std::fwrite(line.data(), 1, line.size(), stream);
}

}   // namespace llmft
