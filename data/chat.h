// Conversations as a model was taught to read them: its chat template, found and rendered as transformers'
// apply_chat_template does. The template is chat_template.jinja, else what tokenizer_config.json calls chat_template: a
// text, or a list of named ones ("tool_use" where there are tools, else "default").
#pragma once

#include <string>
#include <vector>

#include "data/template/template.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/model_source.h"

namespace llmft {

struct Conversation {
    OrderedJson messages;          // [{"role": ..., "content": ..., ...}, ...]
    OrderedJson tools = nullptr;   // JSON schemas, or null
    enum class Ending : uint8_t { kAsItIs, kForAnswer } ending = Ending::kForAnswer;   // add_generation_prompt
};

class ChatFormat {
public:
    static bool has_template(const ModelSource& model);
    // Throws UserError MISSING where the model has none, TEMPLATE where it cannot be read. The tokenizer outlives this.
    ChatFormat(const ModelSource& model, const Tokenizer& tokenizer);

    std::string text(const Conversation& conversation) const;
    std::vector<int32_t> ids(const Conversation& conversation) const;   // no special tokens but the template's

    // The special token that the template puts behind an answer: the model ends its answers with it.
    std::optional<int32_t> end_of_turn() const;

private:
    const Tokenizer& tokenizer_;
    OrderedJson special_tokens_;   // by name: "bos_token", …
    Template plain_, with_tools_;
};

}   // namespace llmft
