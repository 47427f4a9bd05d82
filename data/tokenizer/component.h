// What the readers of tokenizer.json's components share. A component is an object with a "type"; a Sequence holds
// others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

// The components in order with every Sequence opened; `children` is the Sequence's array ("normalizers", "decoders",
// …).
std::vector<JsonField> flatten_sequence(const JsonField& component, std::string_view children);

// Refuses a component by the name of its type; `kind_of_component` is "normalizer", "decoder", …
[[noreturn]] void refuse_component(const JsonField& component, std::string_view kind_of_component);

// A text of one character; refuses (SCHEMA) any other.
std::string one_character(const JsonField& field);

}   // namespace llmft
