#include "data/template/runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/template/characters.h"

namespace llmft::jinja {
namespace {

Value loop_attribute(const Loop& loop, std::string_view name) {
    const auto index = static_cast<int64_t>(loop.index), length = static_cast<int64_t>(loop.items.size());
    if (name == "index") return index + 1;
    if (name == "index0") return index;
    if (name == "revindex") return length - index;
    if (name == "revindex0") return length - index - 1;
    if (name == "first") return index == 0;
    if (name == "last") return index + 1 == length;
    if (name == "length") return length;
    if (name == "depth") return loop.depth + 1;
    if (name == "depth0") return loop.depth;
    if (name == "previtem")
        return index > 0 ? loop.items[loop.index - 1] : Value::undefined("there is no previous item");
    if (name == "nextitem")
        return index + 1 < length ? loop.items[loop.index + 1] : Value::undefined("there is no next item");
    return Value::undefined(fmt::format("'LoopContext' has no attribute '{}'", name));
}

// Python's index into `size` things, from the end where negative; −1: there is none.
int64_t place_of(int64_t index, int64_t size) {
    if (index < 0) index += size;
    return index < size ? std::max<int64_t>(index, -1) : -1;
}

std::string owner(const Value& object) {
    return object.is<None>() ? "None" : fmt::format("{} object", type_name(object));
}

}   // namespace

void fail_undefined(const Value& v) {
    const auto& why = v.get<Undefined>()->why;
    fail(why ? *why : "undefined value");
}

Value Runtime::method(const Value& object, std::string_view name) {
    const Builtin* builtin = find_method(object, name);
    if (builtin == nullptr && !is_mutator(object, name)) return {};
    if (builtin == nullptr || name.starts_with('_'))
        return Value::undefined(
            fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, type_name(object)));
    auto* bound = heap.make<Callable>();
    meter.take(4);
    bound->builtin = builtin;
    bound->self = object;
    return static_cast<const Callable*>(bound);
}

Value Runtime::attribute(const Value& object, std::string_view name) {
    expect_defined(object);
    if (object.is<Loop*>() && find_method(object, name) == nullptr) return loop_attribute(**object.get<Loop*>(), name);
    if (object.is<Namespace*>()) {
        if (const Value* found = (*object.get<Namespace*>())->find(name)) return *found;
    } else if (Value found = method(object, name); !found.is<Undefined>() || found.get<Undefined>()->why) {
        return found;
    }
    if (object.mapping())
        if (const Value* found = object.mapping()->find(Value::text(std::string(name)))) return *found;
    if (object.is<const Callable*>() && name == "name" && (*object.get<const Callable*>())->macro)
        return Value::text((*object.get<const Callable*>())->macro->name);
    return Value::undefined(fmt::format("'{}' has no attribute '{}'", owner(object), name));
}

Value Runtime::item(const Value& object, const Value& key) {
    expect_defined(object);
    if (object.mapping()) {
        if (const Value* found = object.mapping()->find(key)) return *found;
    } else if (key.is_integer() && object.string()) {
        meter.take(static_cast<int64_t>(object.string()->size() / 16));
        const int64_t place = place_of(key.integer(), character_count(*object.string()));
        const size_t at = place < 0 ? 0 : offset_of(*object.string(), place);
        if (place >= 0)
            return text(object.string()->substr(at, offset_of(std::string_view(*object.string()).substr(at), 1)));
    } else if (key.is_integer() && object.sequence() && !object.sequence()->is_view()) {
        const Values& items = object.sequence()->items;
        const int64_t place = place_of(key.integer(), static_cast<int64_t>(items.size()));
        if (place >= 0) return items[static_cast<size_t>(place)];
    }
    if (key.string()) return attribute(object, *key.string());
    return Value::undefined(fmt::format("{} has no element {}", owner(object), repr(key, meter)));
}

Values Runtime::items(const Value& v) {
    if (v.is<Undefined>()) return {};
    Values all;
    if (v.sequence()) {
        all = v.sequence()->items;
    } else if (v.string()) {
        meter.take(static_cast<int64_t>(v.string()->size()));
        for (const std::string_view c : characters(*v.string())) all.push_back(Value::text(std::string(c)));
    } else if (v.mapping()) {
        for (const auto& item : v.mapping()->items) all.push_back(item.first);
    } else if (v.is<Iterator*>()) {
        Iterator& iterator = **v.get<Iterator*>();
        all.assign(iterator.items.begin() + static_cast<ptrdiff_t>(iterator.at), iterator.items.end());
        iterator.at = iterator.items.size();
    } else {
        fail(fmt::format("'{}' object is not iterable", type_name(v)));
    }
    meter.take(static_cast<int64_t>(all.size()));
    return all;
}

int64_t Runtime::length(const Value& v) {
    if (v.is<Undefined>()) return 0;
    if (v.string()) {
        meter.take(static_cast<int64_t>(v.string()->size() / 64));
        return character_count(*v.string());
    }
    if (v.sequence()) return static_cast<int64_t>(v.sequence()->items.size());
    if (v.mapping()) return static_cast<int64_t>(v.mapping()->items.size());
    if (v.is<Loop*>()) return static_cast<int64_t>((*v.get<Loop*>())->items.size());
    fail(fmt::format("object of type '{}' has no len()", type_name(v)));
}

bool Runtime::contains(const Value& all, const Value& one) {
    if (all.string()) {
        if (!one.string()) fail(fmt::format("'in <string>' requires string as left operand, not {}", type_name(one)));
        meter.take(static_cast<int64_t>(all.string()->size() / 16));
        return find_text(*all.string(), *one.string()) != std::string::npos;
    }
    if (all.mapping()) return all.mapping()->find(one) != nullptr;
    if (all.sequence()) {
        const Values& items = all.sequence()->items;
        return std::any_of(items.begin(), items.end(), [&](const Value& v) { return equal(v, one, meter); });
    }
    if (!all.is<Undefined>() && !all.is<Iterator*>())
        fail(fmt::format("argument of type '{}' is not iterable", type_name(all)));
    const Values rest = items(all);
    return std::any_of(rest.begin(), rest.end(), [&](const Value& v) { return equal(v, one, meter); });
}

Value Runtime::run_builtin(const Builtin& builtin, const Value& self, Arguments arguments) {
    meter.take(1 + (self.string() ? static_cast<int64_t>(self.string()->size() / 16) : 0));
    Given given(builtin.name, builtin.parameters, std::move(arguments));
    return builtin.run(*this, self, given);
}

Value Runtime::call(const Value& callee, Arguments arguments) {
    expect_defined(callee);
    if (callee.is<Loop*>()) return call_loop(**callee.get<Loop*>(), std::move(arguments));
    if (!callee.is<const Callable*>()) fail(fmt::format("'{}' object is not callable", type_name(callee)));
    const Callable& callable = **callee.get<const Callable*>();
    if (callable.macro) return call_macro(callable, std::move(arguments));
    return run_builtin(*callable.builtin, callable.self, std::move(arguments));
}

Value Runtime::filter(std::string_view name, const Value& input, Arguments arguments) {
    const Builtin* builtin = find_filter(name);
    if (builtin == nullptr) fail(fmt::format("No filter named '{}'.", name));
    return run_builtin(*builtin, input, std::move(arguments));
}

bool Runtime::test(std::string_view name, const Value& input, Arguments arguments) {
    const Builtin* builtin = find_test(name);
    if (builtin == nullptr) fail(fmt::format("No test named '{}'.", name));
    return truth(run_builtin(*builtin, input, std::move(arguments)));
}

}   // namespace llmft::jinja
