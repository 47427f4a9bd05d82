// What can be said of a name that is not there: it comes with a later version, or another one was meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/option.h"

namespace llmft {

bool option_comes_later(std::string_view name);   // in kebab-case
bool command_comes_later(std::string_view name);

// The option that other trainers call so, else the one that is nearly spelled so, else the shortest that has all words
// of the name. "" where there is none, or two are as good.
std::string meant_option(std::string_view name, const std::vector<Option>& options);

}   // namespace llmft
