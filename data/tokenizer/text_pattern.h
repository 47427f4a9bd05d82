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

    // Replaces `matches` by all of them in `text`, from left to right, without overlaps; an empty one does not follow
    // another at its end. None in an empty text. UserError LIMIT where the expression takes too many steps.
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
