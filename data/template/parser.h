// Jinja2's grammar with the tags of chat templates: for, if, set, macro, call, filter, with, print, break, continue and
// generation. Tags that need other templates (include, extends, import, block) are refused by name.
#pragma once

#include <algorithm>
#include <string_view>

#include "data/template/syntax.h"
#include "data/template/token.h"

namespace llmft::jinja {

Body parse_template(std::string_view source);   // throws SyntaxFault

class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
    Body whole();

private:
    using Type = Token::Type;
    // Every expression in an expression and tag in a tag holds one.
    struct Limit {
        explicit Limit(Parser& p) : parser(p) {
            if (++parser.depth_ > kDeepestSyntax) parser.refuse("nested too deeply");
        }
        ~Limit() { --parser.depth_; }
        Limit(const Limit&) = delete;
        Limit& operator=(const Limit&) = delete;
        Parser& parser;
    };

    // Tokens (parser.cpp).
    const Token& now() const { return tokens_[at_]; }
    const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    Token next();
    bool at_name(std::string_view name) const { return now().is(Type::kName, name); }
    bool at(std::string_view op) const { return now().is(Type::kOperator, op); }
    bool skip_name(std::string_view name);
    bool skip(std::string_view op);
    void expect(std::string_view op);
    void expect_name(std::string_view name);
    std::string expect_any_name();
    void expect_type(Type type);
    [[noreturn]] void refuse(std::string why) const;
    [[noreturn]] void refuse_token(std::string_view wanted) const;

    // Statements (parser.cpp).
    Body body(std::initializer_list<std::string_view> ends);
    Body body_of_tag(std::initializer_list<std::string_view> ends);   // from the opening tag's end on
    void end_tag(std::string_view name);
    Statement statement();
    Statement if_tag(int line);
    Statement for_tag(int line);
    Statement set_tag(int line);
    Statement macro_tag(int line);
    Statement call_tag(int line);
    Statement with_tag(int line);
    MacroDefinition macro_of(std::string name, std::vector<Parameter> parameters, std::string_view end);
    std::vector<Parameter> signature();
    Target target(bool with_attributes);
    Target one_target(bool with_attributes);

    // Expressions (parser_expression.cpp).
    ExpressionPtr make(int line, decltype(Expression::node) node) const;
    enum class Choices : uint8_t { kAllowed, kNot };   // kNot: "x if y" ends before the if
    ExpressionPtr tuple(Choices choices, bool in_parentheses, std::string_view end_name = "");
    ExpressionPtr expression(Choices choices = Choices::kAllowed);
    ExpressionPtr logic(BinaryOf::Operator op);
    ExpressionPtr negation();
    ExpressionPtr comparison();
    ExpressionPtr sum();
    ExpressionPtr concatenation();
    ExpressionPtr product();
    ExpressionPtr power();
    ExpressionPtr unary(bool with_filters);
    ExpressionPtr primary();
    ExpressionPtr list();
    ExpressionPtr dict();
    ExpressionPtr postfix(ExpressionPtr value);
    ExpressionPtr filters(ExpressionPtr value);
    ExpressionPtr filter(ExpressionPtr input);   // from the filter's name on
    ExpressionPtr filter_chain(ExpressionPtr input);
    ExpressionPtr test(ExpressionPtr input);
    ExpressionPtr subscript(ExpressionPtr object);
    CallArguments call_arguments();

    std::vector<Token> tokens_;
    size_t at_ = 0;
    int depth_ = 0;
    int loops_ = 0;   // a break would leave one
    std::vector<MacroDefinition*> macros_;
};

}   // namespace llmft::jinja
