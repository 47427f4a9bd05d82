// Character classes as the tokenizers library sees them, from one generated table (tools/dev/make_unicode_tables.py).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace llmft::unicode {

enum Class : uint8_t {
    kLetter = 1,     // \p{L}
    kNumber = 2,     // \p{N}
    kSpace = 4,      // \s: White_Space
    kWord = 8,       // \w: Alphabetic, marks, decimal digits, connectors, joiners
    kNumeric = 16,   // what the Digits pre-tokenizer isolates: Nd, Nl and No of a newer Unicode than kNumber's
    kMark = 32,      // \p{M}
    kUpper = 64,     // \p{Lu}, \p{Lt}
    kLower = 128,    // \p{Ll}
};

struct CodeRange {
    char32_t first, last;
};

extern const uint32_t kBreaks[];
extern const size_t kBreakCount;

constexpr char32_t kCodes = 0x110000;

// Bytes by code point in two steps, page then place: one copy of each page that differs.
class PageTable {
public:
    // `breaks`: a value holds from its break point to the next, code point << 8 | value; `value_of` may map it.
    PageTable(const uint32_t* breaks, size_t count, uint8_t (*value_of)(uint8_t));
    uint8_t operator[](char32_t code) const {
        return code < kCodes ? pages_[page_of_[code / kPage]][code % kPage] : uint8_t{0};
    }

private:
    static constexpr size_t kPage = 256;
    std::array<uint16_t, kCodes / kPage> page_of_;
    std::vector<std::array<uint8_t, kPage>> pages_;
};

// The classes of a code point, or-ed; 0 beyond U+10FFFF.
uint8_t classes_of(char32_t code);
// The same of every code point, for loops that ask often.
const PageTable& class_table();

// The characters of \p{NAME}, in order: NAME is a general category ("Lu") or the first letter of some ("L"). None for
// another name.
std::vector<CodeRange> category_ranges(std::string_view name);
// The characters that have one of these classes.
std::vector<CodeRange> class_ranges(uint8_t classes);
// All others.
std::vector<CodeRange> complement(const std::vector<CodeRange>& ranges);

}   // namespace llmft::unicode
