// Parts of a model folder, each looked at by itself.
#pragma once

#include <optional>
#include <string>

#include "engine/io/model_source.h"

namespace llmft {

struct Part {
    OrderedJson json = nullptr;           // null: not there
    std::string text;                     // one line for people
    std::optional<std::string> problem;   // why llmft cannot use it
};

// tokenizer.json and what lies beside it.
Part tokenizer_part(const ModelSource& model);
// chat_template.jinja, which wins, or chat_template in tokenizer_config.json.
Part template_part(const ModelSource& model);

}   // namespace llmft
