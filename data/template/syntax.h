// A template's syntax tree. Its height is bounded by the parser, so that whatever walks it may recurse.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/template/value.h"

namespace llmft::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;   // null only where it is said
struct Statement;
using Body = std::vector<Statement>;

struct CallArguments {
    std::vector<ExpressionPtr> positional;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    ExpressionPtr spread, spread_named;   // *expression, **expression; may be null
};

struct Constant {
    Value value;
};
struct NameOf {
    std::string name;
};
struct SequenceOf {
    Sequence::Type type;   // kList or kTuple
    std::vector<ExpressionPtr> items;
};
struct MappingOf {
    std::vector<std::pair<ExpressionPtr, ExpressionPtr>> items;
};
struct AttributeOf {
    ExpressionPtr object;
    std::string name;
};
struct ItemOf {
    ExpressionPtr object, key;
};
struct SliceOf {
    ExpressionPtr object, start, stop, step;   // the last three may be null
};
struct CallOf {
    ExpressionPtr callee;
    CallArguments arguments;
};
struct FilterOf {
    ExpressionPtr input;   // null: the text of the block around it
    std::string name;
    CallArguments arguments;
};
struct TestOf {
    ExpressionPtr input;
    std::string name;
    CallArguments arguments;
};
struct UnaryOf {
    enum class Operator : uint8_t { kNot, kMinus, kPlus } op;
    ExpressionPtr operand;
};
struct BinaryOf {
    enum class Operator : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower, kAnd, kOr } op;
    ExpressionPtr left, right;
};
struct ConcatOf {
    std::vector<ExpressionPtr> items;
};
struct CompareOf {
    enum class Operator : uint8_t { kEqual, kUnequal, kLess, kAtMost, kGreater, kAtLeast, kIn, kNotIn };
    ExpressionPtr first;
    std::vector<std::pair<Operator, ExpressionPtr>> others;
};
struct ChoiceOf {
    ExpressionPtr condition, yes, no;   // no may be null
};

struct Expression {
    int line;
    int height;   // expressions in one another, itself included
    std::variant<Constant, NameOf, SequenceOf, MappingOf, AttributeOf, ItemOf, SliceOf, CallOf, FilterOf, TestOf,
                 UnaryOf, BinaryOf, ConcatOf, CompareOf, ChoiceOf>
        node;
};

// What a value is assigned to: a name, an attribute of a namespace, or several targets.
struct Target {
    std::string name;
    std::optional<std::string> attribute;
    std::vector<Target> items;
    bool is_tuple = false;
};

struct Data {
    std::string text;
};
struct Print {
    ExpressionPtr value;
};
struct If {
    std::vector<std::pair<ExpressionPtr, Body>> branches;
    Body otherwise;
};
struct For {
    Target target;
    ExpressionPtr items, condition;   // condition may be null
    Body body, otherwise;
    bool recursive = false;
};
struct Assign {
    Target target;
    ExpressionPtr value;
};
struct AssignBody {
    Target target;
    ExpressionPtr filter;   // may be null; its innermost input is the body's text
    Body body;
};
struct Parameter {
    std::string name;
    ExpressionPtr fallback;   // may be null
};
struct MacroDefinition {
    std::string name;   // empty: the body of a call block
    std::vector<Parameter> parameters;
    Body body;
    bool takes_caller = false, takes_varargs = false, takes_kwargs = false;   // its body names them
};
struct CallBody {
    ExpressionPtr call;
    MacroDefinition caller;
};
struct FilterBody {
    ExpressionPtr filter;
    Body body;
};
struct With {
    std::vector<std::pair<Target, ExpressionPtr>> values;
    Body body;
};
struct Generation {
    Body body;
};
struct Break {};
struct Continue {};

struct Statement {
    int line;
    std::variant<Data, Print, If, For, Assign, AssignBody, MacroDefinition, CallBody, FilterBody, With, Generation,
                 Break, Continue>
        node;
};

}   // namespace llmft::jinja
