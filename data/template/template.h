// Chat templates: Jinja2 as transformers sets it up (immutable sandbox, trim_blocks, lstrip_blocks, loop controls, the
// generation tag, its own tojson, raise_exception, strftime_now), in bounds: a template that is too deep, too slow or
// too long is an error.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "kernels/base/error.h"

namespace llmft {

// UserError TEMPLATE at NAME: line N. reason() is what went wrong, in Jinja2's words: raise_exception's message is it.
class TemplateError final : public UserError {
public:
    TemplateError(const std::string& name, int line, std::string reason);
    const std::string& reason() const { return reason_; }

private:
    std::string reason_;
};

struct RenderedTemplate {
    struct Span {
        size_t begin, end;   // bytes of text
    };
    std::string text;
    std::vector<Span> generation;   // bodies of {% generation %} blocks: what an assistant says
};

// Immutable: may be shared by threads.
class Template {
public:
    // `name` is what errors call it. Throws TemplateError.
    Template(const std::string& source, std::string name);
    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

    // `variables` is an object: every key is a variable. Throws TemplateError.
    RenderedTemplate render(const OrderedJson& variables) const;

private:
    struct Tree;
    std::unique_ptr<const Tree> tree_;
    std::string name_;
};

}   // namespace llmft
