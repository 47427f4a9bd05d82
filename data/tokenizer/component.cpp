#include "data/tokenizer/component.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"

namespace llmft {

std::vector<JsonField> flatten_sequence(const JsonField& component, std::string_view children) {
    std::vector<JsonField> flat, open{component};   // `open` is a stack, its top is next
    while (!open.empty()) {
        const JsonField next = open.back();
        open.pop_back();
        if (next.at("type").text() != "Sequence") {
            flat.push_back(next);
            continue;
        }
        std::vector<JsonField> inside = next.at(children).items();
        open.insert(open.end(), inside.rbegin(), inside.rend());
    }
    return flat;
}

void refuse_component(const JsonField& component, std::string_view kind_of_component) {
    const JsonField type = component.at("type");
    type.refuse("SCHEMA", fmt::format("{} {} is not supported", kind_of_component, in_quotes(type.text())),
                "use a model whose tokenizer llmft reads, or give rows of tokens (--dataset-format tokens)");
}

std::string literal_pattern(const JsonField& component) {
    const JsonField pattern = component.at("pattern");
    if (pattern.find("Regex"))
        pattern.refuse("SCHEMA", "a regular expression is not supported here", "use a literal String");
    std::string literal = pattern.at("String").text();
    if (literal.empty()) pattern.refuse("SCHEMA", "is empty", "fetch the file again");
    return literal;
}

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
    std::string out;
    out.reserve(text.size());
    size_t at = 0;
    for (size_t hit = text.find(pattern); hit != std::string_view::npos; hit = text.find(pattern, at)) {
        out.append(text, at, hit - at).append(content);
        at = hit + pattern.size();
    }
    return out.append(text, at);
}

}   // namespace llmft
