// What lies in the place of a file that was not fetched: a pointer of git-lfs, or the web page that a server sent.
#pragma once

#include <string_view>

namespace llmft {

// `head`: the beginning of the file or all of it. Throws UserError SYNTAX where it is such a stand-in.
void refuse_stand_in(std::string_view head, std::string_view where);

}   // namespace llmft
