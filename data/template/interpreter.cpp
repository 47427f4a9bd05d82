#include "data/template/interpreter.h"

#include <fmt/format.h>

namespace llmft::jinja {

void Interpreter::render(const Body& body) {
    run(body, {heap.make<Scope>(nullptr), &output_});
}

Interpreter::Flow Interpreter::run(const Body& body, Place at) {
    for (const Statement& statement : body) {
        const Flow flow = run(statement, at);
        if (flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
}

Interpreter::Flow Interpreter::run(const Statement& statement, Place at) {
    const Nesting nesting(depth, kDeepestEvaluation);
    meter.take(1);
    line_ = statement.line;
    Flow flow = Flow::kOn;
    const auto& node = statement.node;
    if (const auto* data = std::get_if<Data>(&node)) {
        meter.append(*at.out, data->text);
    } else if (const auto* shown = std::get_if<Print>(&node)) {
        print(evaluate(*shown->value, at.scope), *at.out);
    } else if (const auto* choice = std::get_if<If>(&node)) {
        return run_if(*choice, at);
    } else if (const auto* loop = std::get_if<For>(&node)) {
        return run_for(*loop, at);
    } else if (const auto* set = std::get_if<Assign>(&node)) {
        assign(set->target, evaluate(*set->value, at.scope), at.scope);
    } else if (const auto* block = std::get_if<AssignBody>(&node)) {
        Value value = text(captured(block->body, at.scope, flow));
        if (flow != Flow::kOn) return flow;
        if (block->filter) value = filtered(std::get<FilterOf>(block->filter->node), value, at.scope);
        assign(block->target, std::move(value), at.scope);
    } else if (const auto* macro = std::get_if<MacroDefinition>(&node)) {
        at.scope->put(macro->name, closure(*macro, at.scope));
    } else if (const auto* called = std::get_if<CallBody>(&node)) {
        run_call(*called, at);
    } else if (const auto* chain = std::get_if<FilterBody>(&node)) {
        const Value value = text(captured(chain->body, at.scope, flow));
        if (flow != Flow::kOn) return flow;
        print(filtered(std::get<FilterOf>(chain->filter->node), value, at.scope), *at.out);
    } else if (const auto* with = std::get_if<With>(&node)) {
        return run_with(*with, at);
    } else if (const auto* generation = std::get_if<Generation>(&node)) {
        run_generation(*generation, at);
    } else {
        return std::holds_alternative<Break>(node) ? Flow::kBreak : Flow::kContinue;
    }
    return flow;
}

void Interpreter::print(const Value& value, std::string& out) {
    if (value.string())
        meter.append(out, *value.string());
    else
        meter.append(out, str(value));
}

Interpreter::Flow Interpreter::run_if(const If& node, Place at) {
    for (const auto& [condition, body] : node.branches)
        if (truth(evaluate(*condition, at.scope))) return run(body, at);
    return run(node.otherwise, at);
}

Interpreter::Flow Interpreter::run_for(const For& node, Place at) {
    return run_loop(node, items(evaluate(*node.items, at.scope)), 0, at);
}

// The items for which the loop's condition holds.
Values Interpreter::passing(const For& node, Values items, Scope* scope) {
    if (!node.condition) return items;
    Values passed;
    auto* inner = heap.make<Scope>(scope);
    for (Value& item : items) {
        assign(node.target, item, inner);
        if (truth(evaluate(*node.condition, inner))) passed.push_back(std::move(item));
    }
    return passed;
}

// One scope serves all iterations, emptied in between: a macro made in one sees the names of the last, as in Jinja2.
Interpreter::Flow Interpreter::run_loop(const For& node, Values items, int64_t loop_depth, Place at) {
    items = passing(node, std::move(items), at.scope);
    meter.take(8);
    auto* inner = heap.make<Scope>(at.scope);
    auto* loop = heap.make<Loop>();
    loop->statement = &node;
    loop->scope = at.scope;
    loop->items = std::move(items);
    loop->depth = loop_depth;
    bool finished = false;   // Jinja2's else: no iteration came to its end
    for (loop->index = 0; loop->index < loop->items.size(); ++loop->index) {
        meter.take(1);
        inner->names.clear();
        inner->put("loop", loop);
        assign(node.target, loop->items[loop->index], inner);
        const Flow flow = run(node.body, {inner, at.out});
        if (flow == Flow::kBreak) break;
        finished |= flow == Flow::kOn;
    }
    inner->names.clear();
    return finished ? Flow::kOn : run(node.otherwise, {inner, at.out});
}

Value Interpreter::call_loop(Loop& loop, Arguments arguments) {
    if (!loop.statement->recursive) fail("The loop must have the 'recursive' marker to be called recursively.");
    if (arguments.positional.size() != 1 || !arguments.named.empty()) fail("a recursive loop takes what to loop over");
    const Nesting nesting(depth, kDeepestEvaluation);
    std::string out;
    run_loop(*loop.statement, items(arguments.positional[0]), loop.depth + 1, {loop.scope, &out});
    return text(std::move(out));
}

Interpreter::Flow Interpreter::run_with(const With& node, Place at) {
    auto* inner = heap.make<Scope>(at.scope);
    meter.take(2);
    for (const auto& [target, value] : node.values) assign(target, evaluate(*value, at.scope), inner);
    return run(node.body, {inner, at.out});
}

std::string Interpreter::captured(const Body& body, Scope* scope, Flow& flow) {
    std::string out;
    meter.take(2);
    flow = run(body, {heap.make<Scope>(scope), &out});
    return out;
}

void Interpreter::assign(const Target& target, Value value, Scope* scope) {
    if (target.is_tuple) {
        Values parts = items(value);
        const size_t wanted = target.items.size();
        if (parts.size() > wanted) fail(fmt::format("too many values to unpack (expected {})", wanted));
        if (parts.size() < wanted)
            fail(fmt::format("not enough values to unpack (expected {}, got {})", wanted, parts.size()));
        for (size_t i = 0; i < wanted; ++i) assign(target.items[i], std::move(parts[i]), scope);
        return;
    }
    if (!target.attribute) {
        meter.take(1 + static_cast<int64_t>(scope->names.size() / 8));
        scope->put(target.name, std::move(value));
        return;
    }
    const Value object = lookup(target.name, scope);
    if (!object.is<Namespace*>()) fail("cannot assign attribute on non-namespace object");
    Namespace& names = **object.get<Namespace*>();
    meter.take(1 + static_cast<int64_t>(names.items.size() / 8));
    names.put(*target.attribute, std::move(value));
}

const Callable* Interpreter::closure(const MacroDefinition& macro, Scope* scope) {
    meter.take(4);
    auto* callable = heap.make<Callable>();
    callable->macro = &macro;
    callable->scope = scope;
    return callable;
}

void Interpreter::run_call(const CallBody& node, Place at) {
    const auto& call_node = std::get<CallOf>(node.call->node);
    Arguments arguments = evaluate(call_node.arguments, at.scope);
    arguments.named.emplace_back("caller", closure(node.caller, at.scope));
    print(call_of(call_node, std::move(arguments), at.scope), *at.out);
}

// The block's text is that of a macro without a name: what it sets stays in it. transformers counts from what the
// template itself has printed so far.
void Interpreter::run_generation(const Generation& node, Place at) {
    Flow flow = Flow::kOn;
    const std::string body = captured(node.body, at.scope, flow);
    generations_.push_back({output_.size(), output_.size() + body.size()});
    meter.append(*at.out, body);
}

Value Interpreter::call_macro(const Callable& callable, Arguments arguments) {
    const Nesting nesting(depth, kDeepestEvaluation);
    const MacroDefinition& macro = *callable.macro;
    auto* scope = heap.make<Scope>(callable.scope);
    meter.take(8);
    const auto take_named = [&](std::string_view name) -> std::optional<Value> {
        for (auto entry = arguments.named.begin(); entry != arguments.named.end(); ++entry)
            if (entry->first == name) {
                Value value = std::move(entry->second);
                arguments.named.erase(entry);
                return value;
            }
        return std::nullopt;
    };
    size_t used = 0;
    bool has_caller = false;
    for (const Parameter& parameter : macro.parameters) {
        has_caller |= parameter.name == "caller";
        std::optional<Value> value;
        if (used < arguments.positional.size())
            value = std::move(arguments.positional[used++]);
        else
            value = take_named(parameter.name);
        if (!value && parameter.fallback) value = evaluate(*parameter.fallback, scope);
        if (!value) value = Value::undefined(fmt::format("parameter '{}' was not provided", parameter.name));
        scope->put(parameter.name, std::move(*value));
    }
    if (macro.takes_caller && !has_caller)
        scope->put("caller", take_named("caller").value_or(Value::undefined("No caller defined")));
    if (macro.takes_kwargs) {
        Mapping* rest = mapping();
        for (auto& [name, value] : arguments.named) rest->put(Value::text(name), std::move(value));
        scope->put("kwargs", static_cast<const Mapping*>(rest));
    } else if (!arguments.named.empty()) {
        fail(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, arguments.named[0].first));
    }
    const Values rest(arguments.positional.begin() + static_cast<ptrdiff_t>(used), arguments.positional.end());
    if (macro.takes_varargs)
        scope->put("varargs", tuple(rest));
    else if (!rest.empty())
        fail(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, macro.parameters.size()));
    std::string out;
    run(macro.body, {scope, &out});
    return text(std::move(out));
}

}   // namespace llmft::jinja
