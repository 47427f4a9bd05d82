// What rendering works with: the meter, the heap, and Python's protocols (attributes, items, iteration, calls).
#pragma once

#include "data/template/callable.h"
#include "data/template/print.h"

namespace llmft::jinja {

class Runtime {
public:
    virtual ~Runtime() = default;

    Value text(std::string bytes, bool safe = false) {
        meter.grow(0, bytes.size());
        return Value::text(std::move(bytes), safe);
    }
    Value sequence(Sequence::Type type, Values items) {
        meter.take(1 + static_cast<int64_t>(items.size()));
        return heap.make<Sequence>(type, std::move(items));
    }
    Value list(Values items) { return sequence(Sequence::Type::kList, std::move(items)); }
    Value tuple(Values items) { return sequence(Sequence::Type::kTuple, std::move(items)); }
    Value iterator(Values items) {
        meter.take(1 + static_cast<int64_t>(items.size()));
        return heap.make<Iterator>(std::move(items));
    }
    Mapping* mapping() {
        meter.take(4);
        return heap.make<Mapping>(meter);
    }
    std::string str(const Value& v) { return jinja::str(v, meter); }

    // value.name, and value[key]: undefined where there is none, a Fault where the value is undefined itself.
    Value attribute(const Value& object, std::string_view name);
    Value item(const Value& object, const Value& key);
    // What a for loop sees; empties an iterator. Fault for what cannot be iterated.
    Values items(const Value&);
    int64_t length(const Value&);
    bool contains(const Value& all, const Value& one);

    Value call(const Value& callee, Arguments arguments);
    Value filter(std::string_view name, const Value& input, Arguments arguments);
    bool test(std::string_view name, const Value& input, Arguments arguments);
    Value run_builtin(const Builtin& builtin, const Value& self, Arguments arguments);

    Meter meter;
    Heap heap;
    int depth = 0;

private:
    virtual Value call_macro(const Callable& macro, Arguments arguments) = 0;
    virtual Value call_loop(Loop& loop, Arguments arguments) = 0;
    Value method(const Value& object, std::string_view name);
};

// The error of using a value that is undefined.
[[noreturn]] void fail_undefined(const Value&);
inline void expect_defined(const Value& v) {
    if (v.is<Undefined>()) fail_undefined(v);
}

}   // namespace llmft::jinja
