#include "data/template/globals.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "data/template/runtime.h"
#include "data/template/table.h"

namespace llmft::jinja {
namespace {

Value range(Runtime& run, const Value&, Given& given) {
    if (!given.has(0)) fail("range expected at least 1 argument, got 0");
    for (size_t i = 0; i < 3; ++i)
        if (given.has(i) && !given.value(i).is_integer())
            fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(given.value(i))));
    const bool one = !given.has(1);
    const int64_t start = one ? 0 : given.integer_or(0, 0), stop = given.integer_or(one ? 0 : 1, 0);
    const int64_t step = given.integer_or(2, 1);
    if (step == 0) fail("range() arg 3 must not be zero");
    Values items;
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (static_cast<int64_t>(items.size()) == kLargestRange)
            fail(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kLargestRange));
        items.emplace_back(i);
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    run.meter.take(static_cast<int64_t>(items.size()));
    auto* sequence = run.heap.make<Sequence>(Sequence::Type::kRange, std::move(items));
    sequence->start = start;
    sequence->stop = stop;
    sequence->step = step;
    return static_cast<const Sequence*>(sequence);
}

// dict(a=1), dict(mapping), dict(pairs): the positional one first.
void merge(Runtime& run, Arguments& all, const char* name, const std::function<void(const Value&, Value)>& put) {
    if (all.positional.size() > 1)
        fail(fmt::format("{} expected at most 1 argument, got {}", name, all.positional.size()));
    for (const Value& from : all.positional) {
        if (from.mapping()) {
            for (const auto& [key, value] : from.mapping()->items) put(key, value);
            continue;
        }
        for (const Value& pair : run.items(from)) {
            Values both = run.items(pair);
            if (both.size() != 2) fail(fmt::format("{}: an element has {} parts; 2 is required", name, both.size()));
            put(both[0], std::move(both[1]));
        }
    }
    for (auto& [key, value] : all.named) put(Value::text(key), std::move(value));
}

Value dict(Runtime& run, const Value&, Given& given) {
    Mapping* mapping = run.mapping();
    merge(run, given.all(), "dict", [&](const Value& key, Value value) {
        run.meter.take(2);
        mapping->put(key, std::move(value));
    });
    return static_cast<const Mapping*>(mapping);
}

Value make_namespace(Runtime& run, const Value&, Given& given) {
    run.meter.take(4);
    auto* names = run.heap.make<Namespace>();
    merge(run, given.all(), "namespace", [&](const Value& key, Value value) {
        if (!key.string()) fail("the names of a namespace are texts");
        run.meter.take(1 + static_cast<int64_t>(names->items.size()));
        names->put(*key.string(), std::move(value));
    });
    return names;
}

Value raise_exception(Runtime& run, const Value&, Given& given) {
    fail(run.str(given.value(0)));
}

Value strftime_now(Runtime& run, const Value&, Given& given) {
    return run.text(time_now(given.text(0)));
}

constexpr Builtin kGlobals[] = {
    {"dict", "*", dict},
    {"namespace", "*", make_namespace},
    {"raise_exception", "message", raise_exception},
    {"range", "/ start? stop? step?", range},
    {"strftime_now", "format", strftime_now},
};

}   // namespace

std::string time_now(const std::string& pattern) {
    std::time_t now = std::time(nullptr);
    std::tm parts{};
    const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
    if (fixed != nullptr) {
        const std::string_view digits = fixed;
        const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), now);
        if (error != std::errc() || stop != digits.data() + digits.size() || gmtime_r(&now, &parts) == nullptr)
            fail("SOURCE_DATE_EPOCH is no number of seconds");
    } else {
        localtime_r(&now, &parts);
    }
    if (pattern.empty()) return "";
    std::array<char, 1024> text;
    const size_t size = std::strftime(text.data(), text.size(), (pattern + " ").c_str(), &parts);
    if (size == 0) fail("strftime_now: the text is too long");
    return std::string(text.data(), size - 1);
}

const Builtin* find_global(std::string_view name) {
    return find_in(kGlobals, name);
}

}   // namespace llmft::jinja
