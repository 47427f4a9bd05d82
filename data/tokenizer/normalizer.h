// tokenizer.json's normalizer: what is done to a piece of text before it is split. Read here: Sequence, Prepend,
// Replace, NFC, NFD, NFKC, NFKD, Strip.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/tokenizer/text_pattern.h"
#include "data/tokenizer/traced_text.h"
#include "engine/io/json_field.h"

namespace llmft {

class Normalizer {
public:
    Normalizer() = default;
    explicit Normalizer(const JsonField& component);
    void apply(TracedText& piece) const;

private:
    enum class Kind : uint8_t { kPrepend, kReplace, kForm, kStrip };
    struct Step {
        Kind kind;
        std::string content = {};                               // kPrepend, kReplace
        std::optional<TextPattern> pattern = {};                // kReplace
        unicode::NormalForm form = unicode::NormalForm::kNfc;   // kForm
        bool left = false, right = false;                       // kStrip
    };
    static Step read_step(const JsonField& part);
    std::vector<Step> steps_;
};

}   // namespace llmft
