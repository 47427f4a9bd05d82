#include "data/tokenizer/post_processor.h"

#include "data/tokenizer/component.h"

namespace llmft {

PostProcessor::PostProcessor(const JsonField& component) {
    for (const JsonField& part : flatten_sequence(component, "processors")) {
        const std::string type = part.at("type").text();
        if (type == "TemplateProcessing")
            read_template(part);
        else if (type != "ByteLevel")
            refuse_component(part, "post-processor");
    }
}

void PostProcessor::read_template(const JsonField& processing) {
    std::vector<int32_t> before, after;
    bool past_text = false;
    const JsonField single = processing.at("single");
    for (const JsonField& item : single.items()) {
        if (const auto sequence = item.find("Sequence")) {
            if (past_text || sequence->at("id").text() != "A")
                single.refuse("SCHEMA", "holds another sequence than one A",
                              "use a template of special tokens around $A");
            past_text = true;
            continue;
        }
        const std::string name = item.at("SpecialToken").at("id").text();
        for (const JsonField& id : processing.at("special_tokens").at(name).at("ids").items())
            (past_text ? after : before).push_back(static_cast<int32_t>(id.integer(0, INT32_MAX)));
    }
    if (!past_text)
        single.refuse("SCHEMA", "has no sequence A: the text would vanish",
                      "put {\"Sequence\": {\"id\": \"A\"}} into it");
    before_.insert(before_.begin(), before.begin(), before.end());
    after_.insert(after_.end(), after.begin(), after.end());
}

}   // namespace llmft
