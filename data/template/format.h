// Python's two ways to fill in a text: "%s" % x and "{}".format(x).
#pragma once

#include "data/template/callable.h"

namespace llmft::jinja {

std::string percent_format(const std::string& pattern, const Value& arguments, Runtime&);
std::string brace_format(const std::string& pattern, const Arguments& arguments, Runtime&);

}   // namespace llmft::jinja
