// Filters of many values. Those that Python makes lazy give an iterator here, too: it has no length and is used up
// once.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "data/template/characters.h"
#include "data/template/filters_text.h"
#include "data/template/operators.h"
#include "data/template/runtime.h"
#include "data/template/table.h"

namespace llmft::jinja {
namespace {

// "a.b.0" of a value: items by name, or by number.
Value at_path(Runtime& run, Value v, const Value& path) {
    if (path.is<None>()) return v;
    if (!path.string()) return run.item(v, path);
    std::string_view rest = *path.string();
    for (;;) {
        const size_t dot = std::min(rest.find('.'), rest.size());
        const std::string_view part = rest.substr(0, dot);
        const bool number =
            !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string_view::npos;
        v = run.item(v, number ? Value(int64_t{std::stoi(std::string(part))}) : Value::text(std::string(part)));
        if (dot == rest.size()) return v;
        rest.remove_prefix(dot + 1);
    }
}

enum class Cased : uint8_t { kKept, kIgnored };
Cased cased(const Given& given, size_t i) {
    return given.truth_or(i, false) ? Cased::kKept : Cased::kIgnored;
}
Value key_of(Runtime& run, const Value& v, Cased how) {
    return how == Cased::kIgnored && v.string() ? run.text(in_case(*v.string(), unicode::Case::kLower)) : v;
}

// The items in the order of their keys; equal ones as they were, also backwards.
Values in_order(Runtime& run, const Values& items, const std::function<Value(const Value&)>& key, bool backwards) {
    std::vector<std::pair<Value, const Value*>> keyed;
    for (const Value& v : items) keyed.emplace_back(key(v), &v);
    std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
        return backwards ? less(b.first, a.first, run.meter) : less(a.first, b.first, run.meter);
    });
    Values sorted;
    for (const auto& entry : keyed) sorted.push_back(*entry.second);
    return sorted;
}

Value length(Runtime& run, const Value& self, Given&) {
    return run.length(self);
}
Value list(Runtime& run, const Value& self, Given&) {
    return run.list(run.items(self));
}

Value first(Runtime& run, const Value& self, Given&) {
    if (self.is<Iterator*>()) {
        Iterator& iterator = **self.get<Iterator*>();
        if (iterator.at < iterator.items.size()) return iterator.items[iterator.at++];
        return Value::undefined("No first item, sequence was empty.");
    }
    const Values all = run.items(self);
    return all.empty() ? Value::undefined("No first item, sequence was empty.") : all.front();
}

Value last(Runtime& run, const Value& self, Given&) {
    if (self.is<Iterator*>()) fail("'generator' object is not reversible");
    const Values all = run.items(self);
    return all.empty() ? Value::undefined("No last item, sequence was empty.") : all.back();
}

Value reverse(Runtime& run, const Value& self, Given&) {
    Values all = run.items(self);
    std::reverse(all.begin(), all.end());
    if (self.is<Iterator*>()) return run.list(std::move(all));
    if (!self.string()) return run.iterator(std::move(all));
    std::string text;
    for (const Value& c : all) text += *c.string();
    return run.text(std::move(text), self.get<Text>()->safe);
}

Value join(Runtime& run, const Value& self, Given& given) {
    const std::string separator = given.has(0) ? run.str(given.value(0)) : "";
    const Value path = given.has(1) ? given.value(1) : Value(None{});
    std::string out;
    bool begins = true;
    for (const Value& v : run.items(self)) {
        if (!begins) run.meter.append(out, separator);
        begins = false;
        run.meter.append(out, run.str(at_path(run, v, path)));
    }
    return run.text(std::move(out));
}

Value items(Runtime& run, const Value& self, Given&) {
    if (self.is<Undefined>()) return run.iterator({});
    if (!self.mapping()) fail("Can only get item pairs from a mapping.");
    Values pairs;
    for (const auto& [key, value] : self.mapping()->items) pairs.push_back(run.tuple({key, value}));
    return run.iterator(std::move(pairs));
}

Value dictsort(Runtime& run, const Value& self, Given& given) {
    expect_defined(self);
    if (!self.mapping()) fail(fmt::format("'{}' object has no attribute 'items'", type_name(self)));
    const Cased how = cased(given, 0);
    const std::string by = given.text_or(1, "key");
    if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
    Values pairs;
    for (const auto& [key, value] : self.mapping()->items) pairs.push_back(run.tuple({key, value}));
    const auto key = [&](const Value& pair) { return key_of(run, pair.sequence()->items[by == "key" ? 0 : 1], how); };
    return run.list(in_order(run, pairs, key, given.truth_or(2, false)));
}

Value sort(Runtime& run, const Value& self, Given& given) {
    const Cased how = cased(given, 1);
    std::vector<Value> paths{given.has(2) ? given.value(2) : Value(None{})};
    if (paths[0].string()) {   // "a,b": by a, then by b
        std::string_view rest = *paths[0].string();
        std::vector<Value> parts;
        for (size_t comma; (comma = rest.find(',')) != std::string_view::npos; rest.remove_prefix(comma + 1))
            parts.push_back(Value::text(std::string(rest.substr(0, comma))));
        parts.push_back(Value::text(std::string(rest)));
        paths = std::move(parts);
    }
    const auto key = [&](const Value& v) {
        Values keys;
        for (const Value& path : paths) keys.push_back(key_of(run, at_path(run, v, path), how));
        return run.list(std::move(keys));
    };
    return run.list(in_order(run, run.items(self), key, given.truth_or(0, false)));
}

Value unique(Runtime& run, const Value& self, Given& given) {
    const Cased how = cased(given, 0);
    const Value path = given.has(1) ? given.value(1) : Value(None{});
    Mapping* seen = run.mapping();
    Values kept;
    for (const Value& v : run.items(self)) {
        const Value key = key_of(run, at_path(run, v, path), how);
        if (seen->find(key) != nullptr) continue;
        seen->put(key, None{});
        kept.push_back(v);
    }
    return run.iterator(std::move(kept));
}

enum class End : uint8_t { kLeast, kMost };
template <End end>
Value extreme(Runtime& run, const Value& self, Given& given) {
    const Cased how = cased(given, 0);
    const Value path = given.has(1) ? given.value(1) : Value(None{});
    const Values all = run.items(self);
    if (all.empty()) return Value::undefined("No aggregated item, sequence was empty.");
    const Value* best = &all[0];
    for (size_t i = 1; i < all.size(); ++i) {
        const Value& v = all[i];
        const Value a = key_of(run, at_path(run, v, path), how), b = key_of(run, at_path(run, *best, path), how);
        if (end == End::kLeast ? less(a, b, run.meter) : less(b, a, run.meter)) best = &v;
    }
    return *best;
}

Value sum(Runtime& run, const Value& self, Given& given) {
    const Value path = given.has(0) ? given.value(0) : Value(None{});
    Value total = given.has(1) ? given.value(1) : Value(int64_t{0});
    for (const Value& v : run.items(self)) total = binary(BinaryOf::Operator::kAdd, total, at_path(run, v, path), run);
    return total;
}

Value groupby(Runtime& run, const Value& self, Given& given) {
    const Cased how = cased(given, 2);
    const auto raw = [&](const Value& v) {
        const Value found = at_path(run, v, given.value(0));
        return found.is<Undefined>() && given.has(1) ? given.value(1) : found;
    };
    const auto key = [&](const Value& v) { return key_of(run, raw(v), how); };
    Values groups, group;
    const auto close = [&] {
        if (!group.empty()) groups.push_back(run.tuple({raw(group[0]), run.list(group)}));
        group.clear();
    };
    for (const Value& v : in_order(run, run.items(self), key, false)) {
        if (!group.empty() && !equal(key(group[0]), key(v), run.meter)) close();
        group.push_back(v);
    }
    close();
    return run.list(std::move(groups));
}

Value batch(Runtime& run, const Value& self, Given& given) {
    const int64_t size = given.integer_or(0, 0);
    if (size < 1 || size > kLargestRange) fail("batch: its size is 1 to 100000");
    Values rows, row;
    for (Value& v : run.items(self)) {
        row.push_back(std::move(v));
        if (static_cast<int64_t>(row.size()) == size) rows.push_back(run.list(std::exchange(row, {})));
    }
    if (!row.empty()) {
        if (given.has(1) && !given.value(1).is<None>()) row.resize(static_cast<size_t>(size), given.value(1));
        rows.push_back(run.list(std::move(row)));
    }
    return run.iterator(std::move(rows));
}

Value map(Runtime& run, const Value& self, Given& given) {
    Arguments& all = given.all();
    Values mapped;
    if (!truth(self)) return run.iterator({});
    const auto named = [&](std::string_view name) -> const Value* {
        for (const auto& entry : all.named)
            if (entry.first == name) return &entry.second;
        return nullptr;
    };
    if (all.positional.empty() && named("attribute")) {
        const Value* absent = named("default");
        for (const auto& entry : all.named)
            if (entry.first != "attribute" && entry.first != "default")
                fail(fmt::format("Unexpected keyword argument '{}'", entry.first));
        for (const Value& v : run.items(self)) {
            Value found = at_path(run, v, *named("attribute"));
            if (absent && !absent->is<None>() && found.is<Undefined>()) found = *absent;
            mapped.push_back(std::move(found));
        }
        return run.iterator(std::move(mapped));
    }
    if (all.positional.empty() || !all.positional[0].string()) fail("map requires a filter argument");
    const std::string name = *all.positional[0].string();
    all.positional.erase(all.positional.begin());
    for (const Value& v : run.items(self)) mapped.push_back(run.filter(name, v, all));
    return run.iterator(std::move(mapped));
}

enum class Keep : uint8_t { kPassing, kFailing };
enum class Of : uint8_t { kItem, kAttribute };
template <Keep keep, Of of>
Value select(Runtime& run, const Value& self, Given& given) {
    if (!truth(self)) return run.iterator({});
    Arguments& all = given.all();
    Value path = None{};
    if (of == Of::kAttribute) {
        if (all.positional.empty()) fail("Missing parameter for attribute name");
        path = all.positional[0];
        all.positional.erase(all.positional.begin());
    }
    std::optional<std::string> name;
    if (!all.positional.empty()) {
        if (!all.positional[0].string()) fail("the name of a test is a text");
        name = *all.positional[0].string();
        all.positional.erase(all.positional.begin());
    }
    Values kept;
    for (const Value& v : run.items(self)) {
        const Value looked_at = at_path(run, v, path);
        const bool passes = name ? run.test(*name, looked_at, all) : truth(looked_at);
        if (passes == (keep == Keep::kPassing)) kept.push_back(v);
    }
    return run.iterator(std::move(kept));
}

Value attr(Runtime& run, const Value& self, Given& given) {
    expect_defined(self);
    if (self.mapping() && find_method(self, given.text(0)) == nullptr)
        return Value::undefined(fmt::format("'dict object' has no attribute '{}'", given.text(0)));
    return run.attribute(self, given.text(0));
}

constexpr Builtin kFilters[] = {
    {"attr", "name", attr},
    {"batch", "linecount fill_with?", batch},
    {"count", "", length},
    {"dictsort", "case_sensitive? by? reverse?", dictsort},
    {"first", "", first},
    {"groupby", "attribute default? case_sensitive?", groupby},
    {"items", "", items},
    {"join", "d? attribute?", join},
    {"last", "", last},
    {"length", "", length},
    {"list", "", list},
    {"map", "*", map},
    {"max", "case_sensitive? attribute?", extreme<End::kMost>},
    {"min", "case_sensitive? attribute?", extreme<End::kLeast>},
    {"reject", "*", select<Keep::kFailing, Of::kItem>},
    {"rejectattr", "*", select<Keep::kFailing, Of::kAttribute>},
    {"reverse", "", reverse},
    {"select", "*", select<Keep::kPassing, Of::kItem>},
    {"selectattr", "*", select<Keep::kPassing, Of::kAttribute>},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"sum", "attribute? start?", sum},
    {"unique", "case_sensitive? attribute?", unique},
};

}   // namespace

const Builtin* find_filter(std::string_view name) {
    const Builtin* found = find_text_filter(name);
    return found ? found : find_in(kFilters, name);
}

}   // namespace llmft::jinja
