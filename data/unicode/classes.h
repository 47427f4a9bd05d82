// Character classes as the tokenizers library sees them, from one generated table (tools/dev/make_unicode_tables.py).
#pragma once

#include <cstddef>
#include <cstdint>

namespace llmft::unicode {

enum Class : uint8_t {
    kLetter = 1,     // \p{L}
    kNumber = 2,     // \p{N}
    kSpace = 4,      // \s: White_Space
    kWord = 8,       // \w: Alphabetic, marks, decimal digits, connectors, joiners
    kNumeric = 16,   // what the Digits pre-tokenizer isolates: Nd, Nl and No of a newer Unicode than kNumber's
};

extern const uint32_t kBreaks[];
extern const size_t kBreakCount;

// The classes of a code point, or-ed; 0 beyond U+10FFFF.
uint8_t classes_of(char32_t code);

}   // namespace llmft::unicode
