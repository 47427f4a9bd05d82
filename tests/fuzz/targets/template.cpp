// A chat template: parsed, and rendered for a small conversation.
#include "data/template/template.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {

void read_template(std::string_view bytes) {
    static const OrderedJson variables = {
        {"messages", {{{"role", "user"}, {"content", "Hi, \xc3\xa9"}}, {{"role", "assistant"}, {"content", " yo\n"}}}},
        {"add_generation_prompt", true},
        {"bos_token", "<s>"},
        {"tools", nullptr},
        {"n", 7},
        {"x", -2.5},
        {"l", {3, 1, 2}}};
    accepted([&] {
        const Template parsed(std::string(bytes), "t.jinja");
        const RenderedTemplate rendered = parsed.render(variables);
        for (const RenderedTemplate::Span& span : rendered.generation)
            expect(span.begin <= span.end && span.end <= rendered.text.size(), "spans lie in the text");
    });
}

}   // namespace llmft::fuzz
