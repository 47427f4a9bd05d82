// The interpreter's expressions.
#include <fmt/format.h>

#include "data/template/interpreter.h"
#include "data/template/operators.h"

namespace llmft::jinja {

struct Interpreter::Evaluation {
    Interpreter& in;
    Scope* scope;

    Value of(const ExpressionPtr& expression) const { return in.evaluate(*expression, scope); }

    Value operator()(const Constant& x) const { return x.value; }
    Value operator()(const NameOf& x) const { return in.lookup(x.name, scope); }
    Value operator()(const SequenceOf& x) const { return in.sequence(x.type, in.evaluate_all(x.items, scope)); }
    Value operator()(const MappingOf& x) const {
        Mapping* mapping = in.mapping();
        for (const auto& item : x.items) {
            Value key = of(item.first);
            in.meter.take(2);
            mapping->put(std::move(key), of(item.second));
        }
        return static_cast<const Mapping*>(mapping);
    }
    Value operator()(const AttributeOf& x) const { return in.attribute(of(x.object), x.name); }
    Value operator()(const ItemOf& x) const {
        const Value object = of(x.object);
        return in.item(object, of(x.key));
    }
    Value operator()(const SliceOf& x) const {
        const Value object = of(x.object);
        const Value start = in.evaluate_optional(x.start, scope), stop = in.evaluate_optional(x.stop, scope),
                    step = in.evaluate_optional(x.step, scope);
        return sliced(object, &start, &stop, &step, in);
    }
    Value operator()(const CallOf& x) const { return in.call_of(x, in.evaluate(x.arguments, scope), scope); }
    Value operator()(const FilterOf& x) const { return in.filtered(x, {}, scope); }
    Value operator()(const TestOf& x) const {
        const Value input = of(x.input);
        return in.test(x.name, input, in.evaluate(x.arguments, scope));
    }
    Value operator()(const UnaryOf& x) const {
        const Value operand = of(x.operand);
        switch (x.op) {
            case UnaryOf::Operator::kNot: return !truth(operand);
            case UnaryOf::Operator::kMinus: return negated(operand);
            case UnaryOf::Operator::kPlus: return plus_sign(operand);
        }
        return {};
    }
    Value operator()(const BinaryOf& x) const {
        Value left = of(x.left);
        if (x.op == BinaryOf::Operator::kAnd) return truth(left) ? of(x.right) : left;
        if (x.op == BinaryOf::Operator::kOr) return truth(left) ? left : of(x.right);
        return binary(x.op, left, of(x.right), in);
    }
    Value operator()(const ConcatOf& x) const { return concatenated(in.evaluate_all(x.items, scope), in); }
    Value operator()(const CompareOf& x) const { return in.comparison(x, scope); }
    Value operator()(const ChoiceOf& x) const {
        if (truth(of(x.condition))) return of(x.yes);
        if (x.no) return of(x.no);
        return Value::undefined("the inline if-expression evaluated to false and no else section was defined.");
    }
};

Value Interpreter::evaluate(const Expression& expression, Scope* scope) {
    const Nesting nesting(depth, kDeepestEvaluation);
    meter.take(1);
    line_ = expression.line;
    return std::visit(Evaluation{*this, scope}, expression.node);
}

Value Interpreter::evaluate_optional(const ExpressionPtr& expression, Scope* scope) {
    return expression ? evaluate(*expression, scope) : Value(None{});
}

Values Interpreter::evaluate_all(const std::vector<ExpressionPtr>& expressions, Scope* scope) {
    Values values;
    for (const ExpressionPtr& expression : expressions) values.push_back(evaluate(*expression, scope));
    return values;
}

Arguments Interpreter::evaluate(const CallArguments& arguments, Scope* scope) {
    Arguments all;
    all.positional = evaluate_all(arguments.positional, scope);
    for (const auto& entry : arguments.named) all.named.emplace_back(entry.first, evaluate(*entry.second, scope));
    if (arguments.spread)
        for (Value& v : items(evaluate(*arguments.spread, scope))) all.positional.push_back(std::move(v));
    if (!arguments.spread_named) return all;
    const Value more = evaluate(*arguments.spread_named, scope);
    if (!more.mapping()) fail("argument after ** must be a mapping");
    for (const auto& [key, value] : more.mapping()->items) {
        if (!key.string()) fail("keywords must be strings");
        meter.take(1);
        all.named.emplace_back(*key.string(), value);
    }
    return all;
}

Value Interpreter::lookup(const std::string& name, Scope* scope) {
    if (const Value* set = scope->find(name)) return *set;
    if (const Value* given = variables_.find(Value::text(name))) return *given;
    if (const Builtin* builtin = find_global(name)) {
        auto* callable = heap.make<Callable>();
        meter.take(4);
        callable->builtin = builtin;
        return static_cast<const Callable*>(callable);
    }
    return Value::undefined(fmt::format("'{}' is undefined", name));
}

// A method is called where it is found, without a bound method in between.
Value Interpreter::call_of(const CallOf& node, Arguments arguments, Scope* scope) {
    const auto* attribute_of = std::get_if<AttributeOf>(&node.callee->node);
    if (attribute_of == nullptr) return call(evaluate(*node.callee, scope), std::move(arguments));
    const Value object = evaluate(*attribute_of->object, scope);
    const Builtin* method = find_method(object, attribute_of->name);
    if (method != nullptr) return run_builtin(*method, object, std::move(arguments));
    return call(attribute(object, attribute_of->name), std::move(arguments));
}

bool Interpreter::comparison(const CompareOf& node, Scope* scope) {
    Value left = evaluate(*node.first, scope);
    for (const auto& [op, expression] : node.others) {
        Value right = evaluate(*expression, scope);
        if (!compare(op, left, right, *this)) return false;
        left = std::move(right);
    }
    return true;
}

Value Interpreter::filtered(const FilterOf& node, const Value& input, Scope* scope) {
    Value value = input;
    if (node.input) {
        const auto* inner = std::get_if<FilterOf>(&node.input->node);
        value = inner ? filtered(*inner, input, scope) : evaluate(*node.input, scope);
    }
    return filter(node.name, value, evaluate(node.arguments, scope));
}

}   // namespace llmft::jinja
