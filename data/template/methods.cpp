// Methods of dict, list, tuple and loop; text_methods.cpp has those of str.
#include <fmt/format.h>

#include <algorithm>

#include "data/template/runtime.h"
#include "data/template/table.h"
#include "data/template/text_methods.h"

namespace llmft::jinja {
namespace {

Value get(Runtime&, const Value& self, Given& given) {
    if (const Value* found = self.mapping()->find(given.value(0))) return *found;
    return given.has(1) ? given.value(1) : Value(None{});
}

template <Sequence::Type type>
Value view(Runtime& run, const Value& self, Given&) {
    Values items;
    for (const auto& [key, value] : self.mapping()->items)
        items.push_back(type == Sequence::Type::kKeys     ? key
                        : type == Sequence::Type::kValues ? value
                                                          : run.tuple({key, value}));
    return run.sequence(type, std::move(items));
}

Value same(Runtime&, const Value& self, Given&) {
    return self;   // a copy of what nobody can change
}

Value count(Runtime& run, const Value& self, Given& given) {
    const Values& items = self.sequence()->items;
    return int64_t{
        std::count_if(items.begin(), items.end(), [&](const Value& v) { return equal(v, given.value(0), run.meter); })};
}

Value index(Runtime& run, const Value& self, Given& given) {
    const Values& items = self.sequence()->items;
    const auto size = static_cast<int64_t>(items.size());
    const auto bound = [&](size_t i, int64_t absent) {
        const int64_t b = given.integer_or(i, absent);
        return std::clamp<int64_t>(b < 0 ? b + size : b, 0, size);
    };
    for (int64_t i = bound(1, 0); i < bound(2, size); ++i)
        if (equal(items[static_cast<size_t>(i)], given.value(0), run.meter)) return i;
    fail(fmt::format("{} is not in {}", repr(given.value(0), run.meter), type_name(self)));
}

Value cycle(Runtime&, const Value& self, Given& given) {
    const Values& choices = given.all().positional;
    if (choices.empty()) fail("no items for cycling given");
    return choices[(*self.get<Loop*>())->index % choices.size()];
}

Value changed(Runtime& run, const Value& self, Given& given) {
    Loop& loop = **self.get<Loop*>();
    const Value now = run.tuple(given.all().positional);
    if (loop.last_changed && equal(*loop.last_changed, now, run.meter)) return false;
    loop.last_changed = now;
    return true;
}

constexpr Builtin kDictMethods[] = {
    {"copy", "/", same},
    {"get", "/ key default?", get},
    {"items", "/", view<Sequence::Type::kItems>},
    {"keys", "/", view<Sequence::Type::kKeys>},
    {"values", "/", view<Sequence::Type::kValues>},
};
constexpr Builtin kListMethods[] = {
    {"copy", "/", same},
    {"count", "/ value", count},
    {"index", "/ value start? stop?", index},
};
constexpr Builtin kLoopMethods[] = {
    {"changed", "*", changed},
    {"cycle", "*", cycle},
};

constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kListMutators[] = {"append", "clear",  "extend",  "insert",
                                              "pop",    "remove", "reverse", "sort"};

template <size_t n>
bool holds(const std::string_view (&names)[n], std::string_view name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}   // namespace

const Builtin* find_method(const Value& self, std::string_view name) {
    if (self.string()) return find_text_method(name);
    if (self.mapping()) return find_in(kDictMethods, name);
    if (self.is<Loop*>()) return find_in(kLoopMethods, name);
    if (!self.sequence() || self.sequence()->is_view()) return nullptr;
    if (self.sequence()->type != Sequence::Type::kList && name == "copy") return nullptr;
    return find_in(kListMethods, name);
}

bool is_mutator(const Value& self, std::string_view name) {
    if (self.mapping()) return holds(kDictMutators, name);
    return self.sequence() && self.sequence()->type == Sequence::Type::kList && holds(kListMutators, name);
}

}   // namespace llmft::jinja
