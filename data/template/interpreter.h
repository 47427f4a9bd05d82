// Runs a syntax tree.
#pragma once

#include <span>

#include "data/template/runtime.h"

namespace llmft::jinja {

struct ByteRange {
    size_t begin, end;
};

class Interpreter final : public Runtime {
public:
    // `variables` outlives this.
    explicit Interpreter(const Mapping& variables) : variables_(variables) {}

    // Once.
    void render(const Body& body);
    std::string& output() { return output_; }
    // Where the bodies of generation blocks are in the output.
    std::vector<ByteRange>& generations() { return generations_; }
    int line() const { return line_; }   // the last one that was reached

private:
    enum class Flow : uint8_t { kOn, kBreak, kContinue };
    struct Place {
        Scope* scope;
        std::string* out;
    };
    Flow run(const Body& body, Place at);
    Flow run(const Statement& statement, Place at);
    Flow run_for(const For& node, Place at);
    Flow run_if(const If& node, Place at);
    Flow run_loop(const For& node, Values items, int64_t depth, Place at);
    Values passing(const For& node, Values items, Scope* scope);
    Flow run_with(const With& node, Place at);
    void run_call(const CallBody& node, Place at);
    void run_generation(const Generation& node, Place at);
    std::string captured(const Body& body, Scope* scope, Flow& flow);
    void assign(const Target& target, Value value, Scope* scope);
    void print(const Value& value, std::string& out);
    const Callable* closure(const MacroDefinition& macro, Scope* scope);

    Value evaluate(const Expression& expression, Scope* scope);
    Value evaluate_optional(const ExpressionPtr& expression, Scope* scope);
    Values evaluate_all(const std::vector<ExpressionPtr>& expressions, Scope* scope);
    Arguments evaluate(const CallArguments& arguments, Scope* scope);
    Value lookup(const std::string& name, Scope* scope);
    Value call_of(const CallOf& node, Arguments arguments, Scope* scope);
    bool comparison(const CompareOf& node, Scope* scope);
    // `input`: what a filter without one works on.
    Value filtered(const FilterOf& node, const Value& input, Scope* scope);
    struct Evaluation;

    Value call_macro(const Callable& callable, Arguments arguments) override;
    Value call_loop(Loop& loop, Arguments arguments) override;

    const Mapping& variables_;
    std::string output_;
    std::vector<ByteRange> generations_;
    int line_ = 1;
};

}   // namespace llmft::jinja
