#include "data/template/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "data/template/callable.h"

namespace llmft::jinja {
namespace {

// An integer with a double: exact, also beyond 2^53 (the x87 format holds both).
long double exact(const Value& v) {
    return v.is<double>() ? static_cast<long double>(*v.get<double>()) : static_cast<long double>(v.integer());
}

// Compares what is nested, however it is shared: every pair counts.
struct Comparison {
    Meter& meter;
    int depth = 0;

    bool equal(const Value& a, const Value& b);
    bool less(const Value& a, const Value& b);
    size_t hash(const Value& v);

private:
    bool equal_sequences(const Sequence& a, const Sequence& b);
    bool equal_mappings(const Mapping& a, const Mapping& b);
    void take(const Value& v) { meter.take(1 + (v.string() ? static_cast<int64_t>(v.string()->size() / 256) : 0)); }
};

bool Comparison::equal_sequences(const Sequence& a, const Sequence& b) {
    if (a.type != b.type || a.type == Sequence::Type::kValues) return &a == &b;
    const auto same = [&](const Value& x, const Value& y) { return equal(x, y); };
    if (!a.is_view()) return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same);
    const auto holds = [&](const Value& x) {
        return std::any_of(b.items.begin(), b.items.end(), [&](const Value& y) { return equal(x, y); });
    };
    return a.items.size() == b.items.size() && std::all_of(a.items.begin(), a.items.end(), holds);
}

bool Comparison::equal_mappings(const Mapping& a, const Mapping& b) {
    if (a.items.size() != b.items.size()) return false;
    return std::all_of(a.items.begin(), a.items.end(), [&](const auto& item) {
        const Value* other = b.find(item.first);
        return other != nullptr && equal(item.second, *other);
    });
}

template <class Node>
bool same_node(const Value& a, const Value& b) {
    return a.is<Node>() && b.is<Node>() && *a.get<Node>() == *b.get<Node>();
}

bool Comparison::equal(const Value& a, const Value& b) {
    const Nesting nesting(depth, kDeepestValue);
    take(a);
    if (a.is_number() && b.is_number()) return exact(a) == exact(b);
    if (a.string() && b.string()) return *a.string() == *b.string();
    if (a.sequence() && b.sequence()) return equal_sequences(*a.sequence(), *b.sequence());
    if (a.mapping() && b.mapping()) return equal_mappings(*a.mapping(), *b.mapping());
    return (a.is<None>() && b.is<None>()) || (a.is<Undefined>() && b.is<Undefined>()) || same_node<Namespace*>(a, b) ||
           same_node<Iterator*>(a, b) || same_node<const Callable*>(a, b) || same_node<Loop*>(a, b);
}

size_t Comparison::hash(const Value& v) {
    const Nesting nesting(depth, kDeepestValue);
    take(v);
    if (v.is_number()) return std::hash<double>()(v.number());
    if (v.string()) return std::hash<std::string>()(*v.string());
    if (v.is<None>()) return 1;
    if (v.is<Undefined>()) return 2;
    const Sequence* tuple = v.sequence();
    if (v.mapping() || (tuple && tuple->type != Sequence::Type::kTuple))
        fail(fmt::format("unhashable type: '{}'", type_name(v)));
    if (!tuple) return 3;
    size_t mixed = 4;
    for (const Value& item : tuple->items) mixed = mixed * 1000003 ^ hash(item);
    return mixed;
}

bool Comparison::less(const Value& a, const Value& b) {
    const Nesting nesting(depth, kDeepestValue);
    take(a);
    if (a.is_number() && b.is_number()) return exact(a) < exact(b);
    if (a.string() && b.string()) return *a.string() < *b.string();
    const Sequence *x = a.sequence(), *y = b.sequence();
    if (!x || !y || x->type != y->type || x->type > Sequence::Type::kTuple) {
        for (const Value* v : {&a, &b})
            if (v->is<Undefined>() && v->get<Undefined>()->why) fail(*v->get<Undefined>()->why);
        fail(fmt::format("'<' not supported between instances of '{}' and '{}'", type_name(a), type_name(b)));
    }
    const size_t both = std::min(x->items.size(), y->items.size());
    for (size_t i = 0; i < both; ++i)
        if (!equal(x->items[i], y->items[i])) return less(x->items[i], y->items[i]);
    return x->items.size() < y->items.size();
}

}   // namespace

size_t HashOf::operator()(const Value& v) const {
    return Comparison{*meter}.hash(v);
}
bool SameKey::operator()(const Value& a, const Value& b) const {
    return jinja::equal(a, b, *meter);
}

const Value* Mapping::find(const Value& key) const {
    const auto place = places_.find(key);
    return place == places_.end() ? nullptr : &items[place->second].second;
}

void Mapping::put(Value key, Value value) {
    const auto [place, is_new] = places_.try_emplace(key, items.size());
    if (is_new)
        items.emplace_back(std::move(key), std::move(value));
    else
        items[place->second].second = std::move(value);
}

const Value* Namespace::find(std::string_view name) const {
    const auto place = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first == name; });
    return place == items.end() ? nullptr : &place->second;
}

void Namespace::put(std::string_view name, Value value) {
    if (name.starts_with('_')) fail(fmt::format("a namespace takes no attribute '{}' with an underscore first", name));
    if (const Value* old = find(name))
        *const_cast<Value*>(old) = std::move(value);
    else
        items.emplace_back(name, std::move(value));
}

std::string_view type_name(const Value& v) {
    if (const Sequence* s = v.sequence()) {
        constexpr std::string_view kNames[] = {"list", "tuple", "range", "dict_keys", "dict_values", "dict_items"};
        return kNames[static_cast<size_t>(s->type)];
    }
    constexpr std::string_view kNames[] = {"Undefined", "NoneType",  "bool",     "int",
                                           "float",     "str",       "list",     "dict",
                                           "Namespace", "generator", "function", "LoopContext"};
    return kNames[v.variant().index()];
}

bool truth(const Value& v) {
    if (v.is_integer()) return v.integer() != 0;
    if (v.is<double>()) return *v.get<double>() != 0;   // NaN is true
    if (v.string()) return !v.string()->empty();
    if (v.sequence()) return !v.sequence()->items.empty();
    if (v.mapping()) return !v.mapping()->items.empty();
    return !v.is<None>() && !v.is<Undefined>();
}

bool equal(const Value& a, const Value& b, Meter& meter) {
    return Comparison{meter}.equal(a, b);
}
bool less(const Value& a, const Value& b, Meter& meter) {
    return Comparison{meter}.less(a, b);
}

Value value_of(const OrderedJson& json, Heap& heap, Meter& meter) {
    meter.take(1);
    if (json.is_null()) return None{};
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_number_integer()) return json.get<int64_t>();
    if (json.is_number()) return json.get<double>();
    if (json.is_string()) return Value::text(json.get<std::string>());
    if (json.is_array()) {
        Values items;
        for (const OrderedJson& item : json) items.push_back(value_of(item, heap, meter));
        return heap.make<Sequence>(Sequence::Type::kList, std::move(items));
    }
    auto* mapping = heap.make<Mapping>(meter);
    for (const auto& [key, item] : json.items()) mapping->put(Value::text(key), value_of(item, heap, meter));
    return mapping;
}

}   // namespace llmft::jinja
