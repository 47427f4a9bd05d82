// A template's values: Python's, as far as templates meet them. Numbers and texts are values; the rest are nodes of a
// Heap that lives as long as one rendering, so that nothing is freed by recursion and cycles do no harm. All but
// namespaces, iterators and loops are immutable: chat templates run in Jinja's immutable sandbox.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "data/template/meter.h"
#include "engine/io/json.h"

namespace llmft::jinja {

struct None {};
struct Undefined {
    std::shared_ptr<const std::string> why;   // the error of whoever uses it
};
struct Text {
    std::shared_ptr<const std::string> bytes;   // UTF-8
    bool safe = false;                          // Jinja's Markup: what is added to it is escaped for HTML
};
struct Sequence;
struct Mapping;
struct Namespace;
struct Iterator;
struct Callable;
struct Loop;

class Value {
public:
    using Variant = std::variant<Undefined, None, bool, int64_t, double, Text, const Sequence*, const Mapping*,
                                 Namespace*, Iterator*, const Callable*, Loop*>;

    Value() : Value(Undefined{}) {}
    template <class T>
    requires std::is_constructible_v<Variant, T> Value(T x) : x_(std::move(x)) {}
    static Value text(std::string bytes, bool safe = false) {
        return Text{std::make_shared<const std::string>(std::move(bytes)), safe};
    }
    static Value undefined(std::string why) { return Undefined{std::make_shared<const std::string>(std::move(why))}; }

    template <class T>
    const T* get() const {
        return std::get_if<T>(&x_);
    }
    template <class T>
    bool is() const {
        return std::holds_alternative<T>(x_);
    }
    // A bool is an integer, as in Python.
    bool is_integer() const { return is<int64_t>() || is<bool>(); }
    bool is_number() const { return is_integer() || is<double>(); }
    int64_t integer() const { return is<bool>() ? int64_t{*get<bool>()} : *get<int64_t>(); }
    double number() const { return is<double>() ? *get<double>() : static_cast<double>(integer()); }
    const std::string* string() const { return is<Text>() ? get<Text>()->bytes.get() : nullptr; }
    const Sequence* sequence() const { return is<const Sequence*>() ? *get<const Sequence*>() : nullptr; }
    const Mapping* mapping() const { return is<const Mapping*>() ? *get<const Mapping*>() : nullptr; }
    const Variant& variant() const { return x_; }

private:
    Variant x_;
};

using Values = std::vector<Value>;

struct HeapNode {
    HeapNode() = default;
    HeapNode(const HeapNode&) = delete;
    HeapNode& operator=(const HeapNode&) = delete;
    virtual ~HeapNode() = default;
};

struct Sequence final : HeapNode {
    enum class Type : uint8_t { kList, kTuple, kRange, kKeys, kValues, kItems };   // the last three: views of a dict
    Sequence(Type t, Values v) : type(t), items(std::move(v)) {}
    bool is_view() const { return type >= Type::kKeys; }
    Type type;
    Values items;
    int64_t start = 0, stop = 0, step = 1;   // kRange: what it was made from
};

struct HashOf {
    Meter* meter;
    size_t operator()(const Value&) const;   // throws Fault for what Python cannot hash
};
struct SameKey {
    Meter* meter;
    bool operator()(const Value& a, const Value& b) const;
};

struct Mapping final : HeapNode {
    explicit Mapping(Meter& meter) : places_(0, HashOf{&meter}, SameKey{&meter}) {}
    std::vector<std::pair<Value, Value>> items;   // in the order of insertion
    const Value* find(const Value& key) const;
    void put(Value key, Value value);

private:
    std::unordered_map<Value, size_t, HashOf, SameKey> places_;
};

struct Namespace final : HeapNode {
    std::vector<std::pair<std::string, Value>> items;
    const Value* find(std::string_view name) const;
    // A name that begins with an underscore is refused, as transformers does.
    void put(std::string_view name, Value value);
};

// A Python generator: its items can be taken once.
struct Iterator final : HeapNode {
    explicit Iterator(Values v) : items(std::move(v)) {}
    Values items;
    size_t at = 0;
};

class Heap {
public:
    template <class T, class... Arguments>
    T* make(Arguments&&... arguments) {
        auto node = std::make_unique<T>(std::forward<Arguments>(arguments)...);
        T* raw = node.get();
        nodes_.push_back(std::move(node));
        return raw;
    }

private:
    std::vector<std::unique_ptr<HeapNode>> nodes_;
};

std::string_view type_name(const Value&);   // Python's: "str", "NoneType"
bool truth(const Value&);
bool equal(const Value&, const Value&, Meter&);
bool less(const Value&, const Value&, Meter&);   // throws Fault where Python has no order

// JSON as Python's json module reads it.
Value value_of(const OrderedJson&, Heap&, Meter&);

}   // namespace llmft::jinja
