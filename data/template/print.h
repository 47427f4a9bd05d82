// Values as text: Python's str and repr, and json.dumps.
#pragma once

#include <optional>
#include <string>

#include "data/template/value.h"

namespace llmft::jinja {

std::string str(const Value&, Meter&);
std::string repr(const Value&, Meter&);
std::string float_repr(double);

struct JsonStyle {
    bool ascii = false;
    bool sorted = false;
    std::optional<std::string> indent;   // one level's; nothing: all on one line
    std::string item_separator = ", ", key_separator = ": ";
};
std::string dumps(const Value&, const JsonStyle&, Meter&);

}   // namespace llmft::jinja
