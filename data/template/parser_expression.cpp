// The parser's expressions, from the loosest operator to the tightest.
#include <fmt/format.h>

#include <algorithm>

#include "data/template/parser.h"

namespace llmft::jinja {
namespace {

void raise(int& height, const ExpressionPtr& child) {
    if (child) height = std::max(height, child->height);
}
void raise(int& height, const CallArguments& arguments) {
    for (const ExpressionPtr& argument : arguments.positional) raise(height, argument);
    for (const auto& argument : arguments.named) raise(height, argument.second);
    raise(height, arguments.spread);
    raise(height, arguments.spread_named);
}

struct HeightOfChildren {
    int height = 0;
    void operator()(const Constant&) {}
    void operator()(const NameOf&) {}
    void operator()(const SequenceOf& x) {
        for (const ExpressionPtr& item : x.items) raise(height, item);
    }
    void operator()(const MappingOf& x) {
        for (const auto& item : x.items) {
            raise(height, item.first);
            raise(height, item.second);
        }
    }
    void operator()(const AttributeOf& x) { raise(height, x.object); }
    void operator()(const ItemOf& x) { both(x.object, x.key); }
    void operator()(const SliceOf& x) {
        both(x.object, x.start);
        both(x.stop, x.step);
    }
    void operator()(const CallOf& x) { with_arguments(x.callee, x.arguments); }
    void operator()(const FilterOf& x) { with_arguments(x.input, x.arguments); }
    void operator()(const TestOf& x) { with_arguments(x.input, x.arguments); }
    void operator()(const UnaryOf& x) { raise(height, x.operand); }
    void operator()(const BinaryOf& x) { both(x.left, x.right); }
    void operator()(const ConcatOf& x) {
        for (const ExpressionPtr& item : x.items) raise(height, item);
    }
    void operator()(const CompareOf& x) {
        raise(height, x.first);
        for (const auto& other : x.others) raise(height, other.second);
    }
    void operator()(const ChoiceOf& x) {
        both(x.condition, x.yes);
        raise(height, x.no);
    }
    void both(const ExpressionPtr& a, const ExpressionPtr& b) {
        raise(height, a);
        raise(height, b);
    }
    void with_arguments(const ExpressionPtr& a, const CallArguments& arguments) {
        raise(height, a);
        raise(height, arguments);
    }
};

}   // namespace

ExpressionPtr Parser::make(int line, decltype(Expression::node) node) const {
    HeightOfChildren of;
    std::visit(of, node);
    if (of.height >= kDeepestSyntax) refuse("nested too deeply");
    return ExpressionPtr(new Expression{line, of.height + 1, std::move(node)});
}

ExpressionPtr Parser::tuple(Choices choices, bool in_parentheses, std::string_view end_name) {
    const int line = now().line;
    std::vector<ExpressionPtr> items;
    bool is_tuple = false;
    for (;;) {
        const bool end = now().type == Type::kBlockEnd || now().type == Type::kPrintEnd || at(")") ||
                         (!end_name.empty() && at_name(end_name));
        if (end) break;
        items.push_back(expression(choices));
        if (!skip(",")) break;
        is_tuple = true;
    }
    if (!is_tuple && !items.empty()) return std::move(items.front());
    if (!is_tuple && !in_parentheses) refuse_token("an expression");
    return make(line, SequenceOf{Sequence::Type::kTuple, std::move(items)});
}

// Every way down passes here, in negation() or in unary(), which count.
ExpressionPtr Parser::expression(Choices choices) {
    ExpressionPtr value = logic(BinaryOf::Operator::kOr);
    if (choices == Choices::kNot) return value;
    const int line = now().line;
    while (skip_name("if")) {
        ExpressionPtr condition = logic(BinaryOf::Operator::kOr), no;
        if (skip_name("else")) {
            const Limit limit(*this);
            no = expression();
        }
        value = make(line, ChoiceOf{std::move(condition), std::move(value), std::move(no)});
    }
    return value;
}

ExpressionPtr Parser::logic(BinaryOf::Operator op) {
    const bool is_or = op == BinaryOf::Operator::kOr;
    const auto operand = [&] { return is_or ? logic(BinaryOf::Operator::kAnd) : negation(); };
    ExpressionPtr left = operand();
    while (at_name(is_or ? "or" : "and")) {
        const int line = next().line;
        left = make(line, BinaryOf{op, std::move(left), operand()});
    }
    return left;
}

ExpressionPtr Parser::negation() {
    if (!at_name("not")) return comparison();
    const Limit limit(*this);
    const int line = next().line;
    return make(line, UnaryOf{UnaryOf::Operator::kNot, negation()});
}

ExpressionPtr Parser::comparison() {
    using Operator = CompareOf::Operator;
    constexpr std::pair<std::string_view, Operator> kOperators[] = {
        {"==", Operator::kEqual},  {"!=", Operator::kUnequal}, {"<", Operator::kLess},
        {"<=", Operator::kAtMost}, {">", Operator::kGreater},  {">=", Operator::kAtLeast}};
    const int line = now().line;
    CompareOf node{sum(), {}};
    for (;;) {
        const auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                        [&](const auto& candidate) { return at(candidate.first); });
        std::optional<Operator> op;
        if (found != std::end(kOperators)) {
            op = found->second;
        } else if (at_name("in")) {
            op = Operator::kIn;
        } else if (at_name("not") && after().is(Type::kName, "in")) {
            next();
            op = Operator::kNotIn;
        }
        if (!op) break;
        next();
        node.others.emplace_back(*op, sum());
    }
    if (node.others.empty()) return std::move(node.first);
    return make(line, std::move(node));
}

ExpressionPtr Parser::sum() {
    ExpressionPtr left = concatenation();
    while (at("+") || at("-")) {
        const Token op = next();
        const auto what = op.text == "+" ? BinaryOf::Operator::kAdd : BinaryOf::Operator::kSubtract;
        left = make(op.line, BinaryOf{what, std::move(left), concatenation()});
    }
    return left;
}

ExpressionPtr Parser::concatenation() {
    const int line = now().line;
    ConcatOf node;
    node.items.push_back(product());
    while (skip("~")) node.items.push_back(product());
    if (node.items.size() == 1) return std::move(node.items.front());
    return make(line, std::move(node));
}

ExpressionPtr Parser::product() {
    using Operator = BinaryOf::Operator;
    ExpressionPtr left = power();
    while (at("*") || at("/") || at("//") || at("%")) {
        const Token op = next();
        const auto what = op.text == "*"    ? Operator::kMultiply
                          : op.text == "/"  ? Operator::kDivide
                          : op.text == "//" ? Operator::kFloorDivide
                                            : Operator::kModulo;
        left = make(op.line, BinaryOf{what, std::move(left), power()});
    }
    return left;
}

ExpressionPtr Parser::power() {
    ExpressionPtr left = unary(true);
    while (at("**")) {
        const int line = next().line;
        left = make(line, BinaryOf{BinaryOf::Operator::kPower, std::move(left), unary(true)});
    }
    return left;
}

ExpressionPtr Parser::unary(bool with_filters) {
    const Limit limit(*this);
    const int line = now().line;
    ExpressionPtr value;
    if (skip("-"))
        value = make(line, UnaryOf{UnaryOf::Operator::kMinus, unary(false)});
    else if (skip("+"))
        value = make(line, UnaryOf{UnaryOf::Operator::kPlus, unary(false)});
    else
        value = primary();
    value = postfix(std::move(value));
    return with_filters ? filters(std::move(value)) : std::move(value);
}

ExpressionPtr Parser::primary() {
    const Token token = now();
    const auto constant = [&](Value value) { return make(token.line, Constant{std::move(value)}); };
    switch (token.type) {
        case Type::kName: {
            next();
            const std::string& name = token.text;
            if (name == "true" || name == "True") return constant(true);
            if (name == "false" || name == "False") return constant(false);
            if (name == "none" || name == "None") return constant(None{});
            for (MacroDefinition* macro : macros_) {
                macro->takes_caller |= name == "caller";
                macro->takes_varargs |= name == "varargs";
                macro->takes_kwargs |= name == "kwargs";
            }
            return make(token.line, NameOf{name});
        }
        case Type::kString: {
            std::string text;
            while (now().type == Type::kString) text += next().text;
            return constant(Value::text(std::move(text)));
        }
        case Type::kInteger: next(); return constant(token.integer);
        case Type::kFloat: next(); return constant(token.number);
        default: break;
    }
    if (skip("(")) {
        ExpressionPtr inside = tuple(Choices::kAllowed, true);
        expect(")");
        return inside;
    }
    if (skip("[")) return list();
    if (skip("{")) return dict();
    refuse_token("an expression");
}

ExpressionPtr Parser::list() {
    const int line = now().line;
    SequenceOf node{Sequence::Type::kList, {}};
    while (!at("]")) {
        if (!node.items.empty()) expect(",");
        if (at("]")) break;
        node.items.push_back(expression());
    }
    expect("]");
    return make(line, std::move(node));
}

ExpressionPtr Parser::dict() {
    const int line = now().line;
    MappingOf node;
    while (!at("}")) {
        if (!node.items.empty()) expect(",");
        if (at("}")) break;
        ExpressionPtr key = expression();
        expect(":");
        node.items.emplace_back(std::move(key), expression());
    }
    expect("}");
    return make(line, std::move(node));
}

ExpressionPtr Parser::postfix(ExpressionPtr value) {
    for (;;) {
        const int line = now().line;
        if (at(".") || at("["))
            value = subscript(std::move(value));
        else if (at("("))
            value = make(line, CallOf{std::move(value), call_arguments()});
        else
            return value;
    }
}

ExpressionPtr Parser::filters(ExpressionPtr value) {
    for (;;) {
        const int line = now().line;
        if (at("|"))
            value = filter_chain(std::move(value));
        else if (at_name("is"))
            value = test(std::move(value));
        else if (at("("))
            value = make(line, CallOf{std::move(value), call_arguments()});
        else
            return value;
    }
}

ExpressionPtr Parser::filter_chain(ExpressionPtr input) {
    while (skip("|")) input = filter(std::move(input));
    return input;
}

ExpressionPtr Parser::filter(ExpressionPtr input) {
    const int line = now().line;
    FilterOf node{std::move(input), expect_any_name(), {}};
    while (skip(".")) node.name += "." + expect_any_name();
    if (at("(")) node.arguments = call_arguments();
    return make(line, std::move(node));
}

ExpressionPtr Parser::test(ExpressionPtr input) {
    const int line = next().line;
    const bool negated = skip_name("not");
    TestOf node{std::move(input), expect_any_name(), {}};
    while (skip(".")) node.name += "." + expect_any_name();
    const bool is_end = at_name("else") || at_name("or") || at_name("and");
    const bool is_operand = now().type == Type::kName || now().type == Type::kString || now().type == Type::kInteger ||
                            now().type == Type::kFloat || at("[") || at("{");
    if (at("(")) {
        node.arguments = call_arguments();
    } else if (is_operand && !is_end) {
        if (at_name("is")) refuse("You cannot chain multiple tests with is");
        const Limit limit(*this);
        node.arguments.positional.push_back(postfix(primary()));
    }
    ExpressionPtr result = make(line, std::move(node));
    return negated ? make(line, UnaryOf{UnaryOf::Operator::kNot, std::move(result)}) : std::move(result);
}

ExpressionPtr Parser::subscript(ExpressionPtr object) {
    const int line = now().line;
    if (skip(".")) {
        if (now().type == Type::kName) return make(line, AttributeOf{std::move(object), next().text});
        if (now().type != Type::kInteger) refuse("expected name or number");
        return make(line, ItemOf{std::move(object), make(line, Constant{next().integer})});
    }
    expect("[");
    const auto part = [&] { return at(":") || at("]") ? nullptr : expression(); };
    ExpressionPtr first = part();
    if (!skip(":")) {
        if (!first) refuse_token("an expression");
        if (at(",")) {   // a tuple is the key
            SequenceOf keys{Sequence::Type::kTuple, {}};
            keys.items.push_back(std::move(first));
            while (skip(",")) keys.items.push_back(expression());
            first = make(line, std::move(keys));
        }
        expect("]");
        return make(line, ItemOf{std::move(object), std::move(first)});
    }
    SliceOf node{std::move(object), std::move(first), part(), nullptr};
    if (skip(":")) node.step = part();
    expect("]");
    return make(line, std::move(node));
}

CallArguments Parser::call_arguments() {
    CallArguments arguments;
    expect("(");
    bool first = true;
    while (!at(")")) {
        if (!first) expect(",");
        if (at(")")) break;
        first = false;
        const auto ensure = [&](bool valid) {
            if (!valid) refuse("invalid syntax for function call expression");
        };
        if (skip("*")) {
            ensure(!arguments.spread && !arguments.spread_named);
            arguments.spread = expression();
        } else if (skip("**")) {
            ensure(!arguments.spread_named);
            arguments.spread_named = expression();
        } else if (now().type == Type::kName && after().is(Type::kOperator, "=")) {
            ensure(!arguments.spread_named);
            std::string name = next().text;
            next();
            arguments.named.emplace_back(std::move(name), expression());
        } else {
            ensure(!arguments.spread && !arguments.spread_named && arguments.named.empty());
            arguments.positional.push_back(expression());
        }
    }
    expect(")");
    return arguments;
}

}   // namespace llmft::jinja
