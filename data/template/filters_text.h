// Filters of single values: texts, numbers, JSON. filters_sequence.cpp has those of many.
#pragma once

#include "data/template/callable.h"

namespace llmft::jinja {

const Builtin* find_text_filter(std::string_view name);

}   // namespace llmft::jinja
