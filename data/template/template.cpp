#include "data/template/template.h"

#include <fmt/format.h>

#include "data/template/interpreter.h"
#include "data/template/parser.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr size_t kLongestTemplate = size_t{256} << 10;

}   // namespace

TemplateError::TemplateError(const std::string& name, int line, std::string reason)
    : UserError("TEMPLATE", name, fmt::format("line {}", line), reason, "mend the template or what it is given"),
      reason_(std::move(reason)) {}

struct Template::Tree {
    jinja::Body body;
};

Template::Template(const std::string& source, std::string name) : name_(std::move(name)) {
    if (source.size() > kLongestTemplate) throw TemplateError(name_, 1, "a template of more than 256 KiB");
    if (first_invalid_utf8(source) != std::string::npos) throw TemplateError(name_, 1, "is not UTF-8");
    try {
        tree_ = std::make_unique<const Tree>(Tree{jinja::parse_template(source)});
    } catch (const jinja::SyntaxFault& fault) {
        throw TemplateError(name_, fault.line, fault.why);
    }
}

Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

RenderedTemplate Template::render(const OrderedJson& variables) const {
    jinja::Meter meter;
    jinja::Heap heap;
    int line = 1;
    try {
        const jinja::Value value = jinja::value_of(variables, heap, meter);
        if (!value.mapping()) jinja::fail("the variables are no object");
        jinja::Interpreter interpreter(*value.mapping());
        try {
            interpreter.render(tree_->body);
        } catch (const jinja::Fault&) {
            line = interpreter.line();
            throw;
        }
        RenderedTemplate rendered{.text = std::move(interpreter.output()), .generation = {}};
        for (const jinja::ByteRange& range : interpreter.generations())
            rendered.generation.push_back({range.begin, range.end});
        return rendered;
    } catch (const jinja::Fault& fault) {
        throw TemplateError(name_, line, fault.what());
    }
}

}   // namespace llmft
