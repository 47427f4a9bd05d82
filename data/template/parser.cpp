#include "data/template/parser.h"

#include <fmt/format.h>

#include <algorithm>

namespace llmft::jinja {
namespace {

std::string described(const Token& token) {
    using Type = Token::Type;
    switch (token.type) {
        case Type::kEnd: return "end of template";
        case Type::kBlockEnd: return "end of statement block";
        case Type::kPrintEnd: return "end of print statement";
        case Type::kBlockBegin: return "begin of statement block";
        case Type::kPrintBegin: return "begin of print statement";
        case Type::kInteger: return std::to_string(token.integer);
        case Type::kFloat: return fmt::format("{}", token.number);
        default: return token.text;
    }
}

}   // namespace

Body parse_template(std::string_view source) {
    return Parser(tokenize(source)).whole();
}

Body Parser::whole() {
    return body({});
}

Token Parser::next() {
    Token token = now();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
}

bool Parser::skip_name(std::string_view name) {
    if (!at_name(name)) return false;
    next();
    return true;
}

bool Parser::skip(std::string_view op) {
    if (!at(op)) return false;
    next();
    return true;
}

void Parser::expect(std::string_view op) {
    if (!skip(op)) refuse_token(op);
}

void Parser::expect_name(std::string_view name) {
    if (!skip_name(name)) refuse_token(name);
}

std::string Parser::expect_any_name() {
    if (now().type != Type::kName) refuse_token("name");
    return next().text;
}

void Parser::expect_type(Type type) {
    if (now().type != type) refuse_token(described(Token(type, 0)));
    next();
}

void Parser::refuse(std::string why) const {
    throw SyntaxFault{now().line, std::move(why)};
}

void Parser::refuse_token(std::string_view wanted) const {
    if (now().type == Type::kEnd) refuse(fmt::format("unexpected end of template, expected '{}'", wanted));
    refuse(fmt::format("expected token '{}', got '{}'", wanted, described(now())));
}

// Up to a tag of one of the names, which is then the current token; up to the end of the template if there are none.
Body Parser::body(std::initializer_list<std::string_view> ends) {
    Body statements;
    while (now().type != Type::kEnd) {
        const Token token = next();
        if (token.type == Type::kData) {
            statements.push_back({token.line, Data{token.text}});
        } else if (token.type == Type::kPrintBegin) {
            statements.push_back({token.line, Print{tuple(Choices::kAllowed, false)}});
            expect_type(Type::kPrintEnd);
        } else {
            if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return at_name(end); }))
                return statements;
            statements.push_back(statement());
            expect_type(Type::kBlockEnd);
        }
    }
    if (ends.size() != 0) refuse(fmt::format("unexpected end of template, expected '{}'", *(ends.end() - 1)));
    return statements;
}

Body Parser::body_of_tag(std::initializer_list<std::string_view> ends) {
    skip(":");
    expect_type(Type::kBlockEnd);
    const Limit limit(*this);
    return body(ends);
}

Statement Parser::statement() {
    const int line = now().line;
    if (now().type != Type::kName) refuse("tag name expected");
    const std::string tag = next().text;
    if (tag == "if") return if_tag(line);
    if (tag == "for") return for_tag(line);
    if (tag == "set") return set_tag(line);
    if (tag == "macro") return macro_tag(line);
    if (tag == "call") return call_tag(line);
    if (tag == "with") return with_tag(line);
    if (tag == "print") {   // several expressions are printed one after another
        ConcatOf all;
        do all.items.push_back(expression(Choices::kAllowed));
        while (skip(","));
        if (all.items.size() == 1) return {line, Print{std::move(all.items.front())}};
        return {line, Print{make(line, std::move(all))}};
    }
    if (tag == "filter") {
        ExpressionPtr chain = filter_chain(filter(nullptr));
        Body inside = body_of_tag({"endfilter"});
        expect_name("endfilter");
        return {line, FilterBody{std::move(chain), std::move(inside)}};
    }
    if (tag == "generation") {
        const int loops = std::exchange(loops_, 0);
        Body inside = body_of_tag({"endgeneration"});
        expect_name("endgeneration");
        loops_ = loops;
        return {line, Generation{std::move(inside)}};
    }
    if (tag == "break" || tag == "continue") {
        if (loops_ == 0) refuse(fmt::format("'{}' outside loop", tag));
        if (tag == "break") return {line, Break{}};
        return {line, Continue{}};
    }
    for (const char* other : {"include", "extends", "import", "from", "block", "autoescape"})
        if (tag == other) refuse(fmt::format("the tag '{}' is not one of chat templates", tag));
    refuse(fmt::format("Encountered unknown tag '{}'.", tag));
}

Statement Parser::if_tag(int line) {
    If node;
    for (;;) {
        ExpressionPtr condition = tuple(Choices::kNot, false);
        Body inside = body_of_tag({"elif", "else", "endif"});
        node.branches.emplace_back(std::move(condition), std::move(inside));
        if (skip_name("elif")) continue;
        if (skip_name("else")) node.otherwise = body_of_tag({"endif"});
        expect_name("endif");
        return {line, std::move(node)};
    }
}

Statement Parser::for_tag(int line) {
    For node;
    node.target = target(false);
    expect_name("in");
    node.items = tuple(Choices::kNot, false, "recursive");
    if (skip_name("if")) node.condition = expression();
    node.recursive = skip_name("recursive");
    ++loops_;
    node.body = body_of_tag({"endfor", "else"});
    --loops_;
    if (skip_name("else")) node.otherwise = body_of_tag({"endfor"});
    expect_name("endfor");
    return {line, std::move(node)};
}

Statement Parser::set_tag(int line) {
    Target to = target(true);
    if (skip("=")) return {line, Assign{std::move(to), tuple(Choices::kAllowed, false)}};
    ExpressionPtr chain = filter_chain(nullptr);
    Body inside = body_of_tag({"endset"});
    expect_name("endset");
    return {line, AssignBody{std::move(to), std::move(chain), std::move(inside)}};
}

Statement Parser::macro_tag(int line) {
    const std::string name = expect_any_name();
    return {line, macro_of(name, signature(), "endmacro")};
}

Statement Parser::call_tag(int line) {
    std::vector<Parameter> parameters;
    if (at("(")) parameters = signature();
    ExpressionPtr call = expression();
    if (!std::holds_alternative<CallOf>(call->node)) refuse("expected call");
    return {line, CallBody{std::move(call), macro_of("", std::move(parameters), "endcall")}};
}

Statement Parser::with_tag(int line) {
    With node;
    while (now().type != Type::kBlockEnd) {
        if (!node.values.empty()) expect(",");
        Target to = one_target(false);
        expect("=");
        node.values.emplace_back(std::move(to), expression());
    }
    node.body = body_of_tag({"endwith"});
    expect_name("endwith");
    return {line, std::move(node)};
}

MacroDefinition Parser::macro_of(std::string name, std::vector<Parameter> parameters, std::string_view end) {
    MacroDefinition macro;
    macro.name = std::move(name);
    macro.parameters = std::move(parameters);
    macros_.push_back(&macro);
    const int loops = std::exchange(loops_, 0);
    macro.body = body_of_tag({end});
    loops_ = loops;
    macros_.pop_back();
    expect_name(end);
    return macro;
}

std::vector<Parameter> Parser::signature() {
    std::vector<Parameter> parameters;
    expect("(");
    while (!at(")")) {
        if (!parameters.empty()) expect(",");
        Parameter parameter{expect_any_name(), nullptr};
        if (skip("="))
            parameter.fallback = expression();
        else if (!parameters.empty() && parameters.back().fallback)
            refuse("non-default argument follows default argument");
        parameters.push_back(std::move(parameter));
    }
    expect(")");
    return parameters;
}

Target Parser::one_target(bool with_attributes) {
    Target to;
    if (skip("(")) {
        to = target(with_attributes);
        expect(")");
        return to;
    }
    to.name = expect_any_name();
    for (const char* word : {"true", "false", "none", "True", "False", "None"})
        if (to.name == word) refuse(fmt::format("can't assign to '{}'", word));
    if (with_attributes && skip(".")) to.attribute = expect_any_name();
    return to;
}

Target Parser::target(bool with_attributes) {
    Target first = one_target(with_attributes);
    if (!at(",")) return first;
    Target all;
    all.is_tuple = true;
    all.items.push_back(std::move(first));
    while (skip(",")) {
        if (now().type != Type::kName && !at("(")) break;
        if (at_name("in")) break;
        all.items.push_back(one_target(with_attributes));
    }
    return all;
}

}   // namespace llmft::jinja
