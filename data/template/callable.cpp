#include "data/template/callable.h"

#include <fmt/format.h>

#include <algorithm>

namespace llmft::jinja {
namespace {

struct ParameterName {
    std::string_view name;
    bool optional;
};

std::vector<ParameterName> names_of(std::string_view parameters) {
    std::vector<ParameterName> names;
    while (!parameters.empty()) {
        const size_t blank = std::min(parameters.find(' '), parameters.size());
        std::string_view name = parameters.substr(0, blank);
        const bool optional = name.ends_with('?');
        if (optional) name.remove_suffix(1);
        names.push_back({name, optional});
        parameters.remove_prefix(std::min(blank + 1, parameters.size()));
    }
    return names;
}

}   // namespace

Given::Given(std::string_view function, std::string_view parameters, Arguments arguments) {
    if (parameters == "*") {
        all_ = std::move(arguments);
        return;
    }
    const bool no_keywords = parameters.starts_with('/');
    if (no_keywords) parameters.remove_prefix(std::min<size_t>(2, parameters.size()));
    const std::vector<ParameterName> names = names_of(parameters);
    if (arguments.positional.size() > names.size())
        fail(fmt::format("{}() takes at most {} arguments ({} given)", function, names.size(),
                         arguments.positional.size()));
    if (no_keywords && !arguments.named.empty()) fail(fmt::format("{}() takes no keyword arguments", function));
    values_.resize(names.size());
    std::move(arguments.positional.begin(), arguments.positional.end(), values_.begin());
    for (auto& [name, value] : arguments.named) {
        const std::string& key = name;
        const auto place =
            std::find_if(names.begin(), names.end(), [&](const ParameterName& p) { return p.name == key; });
        if (place == names.end()) fail(fmt::format("{}() got an unexpected keyword argument '{}'", function, key));
        std::optional<Value>& slot = values_[static_cast<size_t>(place - names.begin())];
        if (slot) fail(fmt::format("{}() got multiple values for argument '{}'", function, key));
        slot = std::move(value);
    }
    for (size_t i = 0; i < names.size(); ++i)
        if (!names[i].optional && !values_[i])
            fail(fmt::format("{}() missing a required argument: '{}'", function, names[i].name));
}

const std::string& Given::text(size_t i) const {
    if (!value(i).string()) fail(fmt::format("expected str, got {}", type_name(value(i))));
    return *value(i).string();
}

std::string Given::text_or(size_t i, std::string_view fallback) const {
    return has(i) && !value(i).is<None>() ? text(i) : std::string(fallback);
}

int64_t Given::integer_or(size_t i, int64_t fallback) const {
    if (!has(i) || value(i).is<None>()) return fallback;
    if (!value(i).is_integer())
        fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value(i))));
    return value(i).integer();
}

bool Given::truth_or(size_t i, bool fallback) const {
    return has(i) ? truth(value(i)) : fallback;
}

const Value* Scope::find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent)
        for (const auto& entry : scope->names)
            if (entry.first == name) return &entry.second;
    return nullptr;
}

void Scope::put(std::string_view name, Value value) {
    for (auto& entry : names)
        if (entry.first == name) {
            entry.second = std::move(value);
            return;
        }
    names.emplace_back(name, std::move(value));
}

}   // namespace llmft::jinja
