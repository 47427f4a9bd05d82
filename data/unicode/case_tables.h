// What tools/dev/make_case_tables.py writes; data/unicode/cases.h is how it is asked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "data/unicode/classes.h"

namespace llmft::unicode {

// Every stride-th character from first to last becomes the one at its code + delta.
struct CaseRange {
    char32_t first, last;
    int32_t stride, delta;
};
// A character whose upper case is not its title case, or not one character.
struct SpecialCase {
    char32_t code;
    const char *upper, *lower, *title;   // UTF-8
};

extern const CaseRange kUpperRanges[], kLowerRanges[];
extern const size_t kUpperRangeCount, kLowerRangeCount;
extern const SpecialCase kSpecialCases[];
extern const size_t kSpecialCaseCount;
extern const CodeRange kUnprintable[];
extern const size_t kUnprintableCount;

}   // namespace llmft::unicode
