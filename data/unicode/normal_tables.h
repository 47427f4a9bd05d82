// What tools/dev/make_unicode_tables.py writes of Unicode's normal forms; data/unicode/normal_forms.h is how it is
// asked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace llmft::unicode {

// Canonical combining classes: one holds from its break point to the next, code point << 8 | class.
extern const uint32_t kCombiningBreaks[];
extern const size_t kCombiningBreakCount;

// Mappings in the order of their characters, each
//   the character's code less the one before it, the mapping's length (negative: it does not compose again),
//   the mapping's first code less the first one of the mapping before it, its further codes less their neighbours.
// A mapping's characters may have mappings of their own.
extern const int32_t kCanonicalMappings[], kCompatibilityMappings[];
extern const size_t kCanonicalMappingCount, kCompatibilityMappingCount;

}   // namespace llmft::unicode
