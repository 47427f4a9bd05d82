#include "data/tokenizer/component.h"

#include <fmt/format.h>

#include "data/unicode/utf8.h"
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

std::string one_character(const JsonField& field) {
    std::string text = field.text();
    if (text.empty() || unicode::decode_utf8(text, 0).bytes != text.size())
        field.refuse("SCHEMA", "is not one character", "fetch the file again");
    return text;
}

}   // namespace llmft
