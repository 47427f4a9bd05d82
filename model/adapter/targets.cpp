#include "model/adapter/targets.h"

#include <algorithm>
#include <charconv>

namespace llmft {

bool is_all_linear(std::string_view text) {
    constexpr std::string_view kWord = "all-linear";
    return std::equal(text.begin(), text.end(), kWord.begin(), kWord.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

bool names_module(std::string_view entry, std::string_view path) {
    return path == entry ||
           (path.size() > entry.size() && path.ends_with(entry) && path[path.size() - entry.size() - 1] == '.');
}

bool ModuleNames::match(std::string_view path) const {
    if (kind == Kind::kPattern) return pattern->full_match(path);
    return std::any_of(list.begin(), list.end(), [&](const std::string& entry) { return names_module(entry, path); });
}

void LayerChoice::add_name(const std::string& name, const std::string& file, const std::string& field) {
    names.push_back(name);
    patterns.emplace_back("(?:^|.*?\\.)(?:" + name + ")\\.(\\d+)\\.", file, field);
}

bool LayerChoice::chosen(std::string_view path) const {
    static const Pattern any_layer(".*?\\.[^.]*\\.(\\d+)\\.", "", "");
    std::string_view digits;
    if (patterns.empty()) digits = any_layer.group_at_start(path);
    for (const Pattern& pattern : patterns)
        if (digits.empty()) digits = pattern.group_at_start(path);
    int64_t layer = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), layer);
    return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

bool saved_whole(const std::vector<std::string>& entries, std::string_view path) {
    for (size_t end = path.find('.'); true; end = path.find('.', end + 1)) {
        const std::string_view module = path.substr(0, end);
        if (std::any_of(entries.begin(), entries.end(), [&](const std::string& e) { return module.ends_with(e); }))
            return true;
        if (end == std::string_view::npos) return false;
    }
}

}   // namespace llmft
