// Looking a builtin up in a table that is sorted by name.
#pragma once

#include <algorithm>
#include <span>

#include "data/template/callable.h"

namespace llmft::jinja {

inline const Builtin* find_in(std::span<const Builtin> table, std::string_view name) {
    const auto place = std::lower_bound(table.begin(), table.end(), name,
                                        [](const Builtin& b, std::string_view n) { return b.name < n; });
    return place != table.end() && place->name == name ? &*place : nullptr;
}

}   // namespace llmft::jinja
