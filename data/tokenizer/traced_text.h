// Text on its way through a tokenizer that remembers what it was made of, by the rules of the tokenizers library
// (NormalizedString): what is put in stands for what stood before it, what is replaced for the last character replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/unicode/normal_forms.h"

namespace llmft {

// Bytes of the text that was given, whole characters.
struct TextSpan {
    uint32_t begin, end;
};

struct TracedText {
    std::string text;
    std::vector<TextSpan> from;   // by byte of `text`; empty: nobody asks

    // `text`, which stands at byte `at` of what was given.
    static TracedText plain(std::string_view text, size_t at, bool traced);
    TracedText part(size_t begin, size_t end) const;

    // What bytes begin … end − 1 stand for; empty at the origin where there are none, or nobody asks.
    TextSpan span(size_t begin, size_t end) const;

    // `content` instead of the bytes begin … end − 1, each time in increasing order.
    struct Edit {
        size_t begin, end;
    };
    void replace(const std::vector<Edit>& edits, std::string_view content);
    void prepend(std::string_view content);
    // All of the text anew.
    void transform(const std::vector<unicode::ChangedCharacter>& characters);
    // Without what is before `begin` and from `end` on.
    void strip(size_t begin, size_t end);

private:
    TextSpan before_all() const;   // of what is put in where nothing stood before
};

}   // namespace llmft
