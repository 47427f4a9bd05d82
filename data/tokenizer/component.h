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

// `pattern` of Replace and Split: a literal {"String": …}; a {"Regex": …} is refused.
std::string literal_pattern(const JsonField& component);

// Every place where `pattern` stands in `text` becomes `content`, from left to right, without overlaps.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content);

}   // namespace llmft
