// Which modules an adapter names, by PEFT's rules (peft/tuners/tuners_utils.py, check_target_module_exists;
// peft/utils/other.py, get_pattern_key and _set_trainable).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/pattern.h"

namespace llmft {

// target_modules or exclude_modules: a list of paths or their ends after a dot; or one regular expression, which has to
// match the whole path; or every linear but the head.
struct ModuleNames {
    enum class Kind : uint8_t { kList, kPattern, kAllLinear } kind = Kind::kList;
    std::vector<std::string> list;
    std::string expression;
    std::optional<Pattern> pattern;

    bool match(std::string_view path) const;   // kAllLinear: false, it does not go by names
};

bool is_all_linear(std::string_view text);   // in any case, as PEFT

// Whether a path equals an entry or ends with "." and it.
bool names_module(std::string_view entry, std::string_view path);

// rank_pattern, alpha_pattern: the first key that matches the path's end from a dot on, as a regular expression.
template <class T>
struct PatternMap {
    struct Entry {
        std::string key;
        Pattern pattern;   // of "(.*\.)?(key)"
        T value;
    };
    std::vector<Entry> entries;

    T at(std::string_view path, T fallback) const {
        for (const Entry& entry : entries)
            if (entry.pattern.full_match(path)) return entry.value;
        return fallback;
    }
    void add(const std::string& key, T value, const std::string& file, const std::string& field) {
        entries.push_back({key, Pattern("(.*\\.)?(" + key + ")", file, field), value});
    }
};

// layers_to_transform with layers_pattern: whether the path's layer is one of `layers`; a path without a layer is not.
struct LayerChoice {
    std::vector<int64_t> layers;
    std::vector<std::string> names;   // layers_pattern; empty: any
    std::vector<Pattern> patterns;    // of the names

    void add_name(const std::string& name, const std::string& file, const std::string& field);
    bool chosen(std::string_view path) const;
};

// modules_to_save: whether the path, or a module around it, ends with an entry; PEFT asks for no dot before it.
bool saved_whole(const std::vector<std::string>& entries, std::string_view path);

}   // namespace llmft
