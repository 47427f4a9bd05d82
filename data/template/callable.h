// What a template can call, and what a call is given.
#pragma once

#include <optional>

#include "data/template/syntax.h"
#include "data/template/value.h"

namespace llmft::jinja {

class Runtime;

struct Arguments {
    Values positional;
    std::vector<std::pair<std::string, Value>> named;
};

// Arguments in the order of a builtin's parameters.
class Given {
public:
    Given(std::string_view function, std::string_view parameters, Arguments arguments);

    bool has(size_t i) const { return i < values_.size() && values_[i].has_value(); }
    const Value& value(size_t i) const { return *values_[i]; }
    // Each refuses a value of another type.
    const std::string& text(size_t i) const;
    std::string text_or(size_t i, std::string_view fallback) const;
    int64_t integer_or(size_t i, int64_t fallback) const;   // none counts as not given
    bool truth_or(size_t i, bool fallback) const;
    Arguments& all() { return all_; }   // where the parameters are "*"

private:
    Arguments all_;
    std::vector<std::optional<Value>> values_;
};

// A filter, a test, a method or a global function. `self` is a filter's or test's input, a method's object.
struct Builtin {
    std::string_view name;
    // Names with blanks between; "?" behind one that may be left out; "/" first: no keywords; "*" alone: anything.
    std::string_view parameters;
    Value (*run)(Runtime&, const Value& self, Given&);
};
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& self, std::string_view name);
const Builtin* find_global(std::string_view name);
// True for the methods that would change a list or a dict: the sandbox refuses to hand them out.
bool is_mutator(const Value& self, std::string_view name);

// Names that statements have set, and where to look on.
struct Scope final : HeapNode {
    explicit Scope(Scope* outer) : parent(outer) {}
    const Value* find(std::string_view name) const;   // here and outwards
    void put(std::string_view name, Value value);     // here
    Scope* parent;
    std::vector<std::pair<std::string_view, Value>> names;   // the names are the tree's
};

struct Callable final : HeapNode {
    const Builtin* builtin = nullptr;
    Value self;   // of a method
    const MacroDefinition* macro = nullptr;
    Scope* scope = nullptr;   // where the macro was defined
};

// The `loop` of a for.
struct Loop final : HeapNode {
    const For* statement = nullptr;
    Scope* scope = nullptr;   // around the statement
    Values items;
    size_t index = 0;
    int64_t depth = 0;   // of a recursive one, from 0
    std::optional<Value> last_changed;
};

}   // namespace llmft::jinja
