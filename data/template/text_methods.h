// Methods of str that filters use, too.
#pragma once

#include "data/template/callable.h"

namespace llmft::jinja {

// Python's str.replace; count < 0: all.
std::string replaced(std::string_view text, std::string_view old, std::string_view by, int64_t count, Meter&);
// A text that is as safe as `self`.
Value text_like(const Value& self, std::string text, Runtime&);

const Builtin* find_text_method(std::string_view name);

}   // namespace llmft::jinja
