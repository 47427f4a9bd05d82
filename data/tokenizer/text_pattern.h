// What tokenizer.json's Replace and Split look for: a literal {"String": …}, or a regular expression {"Regex": …} as
// Oniguruma reads it in the tokenizers library (Ruby's syntax: ^ and $ are of lines), which PCRE2 matches here. PCRE2's
// Unicode is older: \p{…}, \s, \w, \d and \b are written out by our own tables first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/traced_text.h"
#include "engine/io/json_field.h"
#include "engine/io/pattern.h"

namespace llmft {

class TextPattern {
public:
    // The component's "pattern". Refuses (SCHEMA) by name what is not read: \p{…} of scripts and properties, classes
    // within classes.
    explicit TextPattern(const JsonField& component);

    // Replaces `matches` by all of them in `text` (Pattern::find_all); there are none in an empty text.
    void find_all(std::string_view text, std::vector<TracedText::Edit>& matches) const;

    // The expression, "" for a literal.
    const std::string& expression() const { return expression_; }

private:
    std::string literal_, expression_;
    std::optional<Pattern> regex_;
};

// The expression with its classes written out, for PCRE2. `field` is where it stands.
std::string with_own_classes(std::string_view expression, const JsonField& field);

}   // namespace llmft
