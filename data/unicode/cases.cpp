#include "data/unicode/cases.h"

#include <algorithm>
#include <span>

#include "data/unicode/case_tables.h"
#include "data/unicode/utf8.h"

namespace llmft::unicode {
namespace {

// The entry of a sorted table that may hold `code`, or null.
template <class Entry, class First>
const Entry* entry_of(std::span<const Entry> table, char32_t code, First first) {
    const auto after =
        std::upper_bound(table.begin(), table.end(), code, [&](char32_t c, const Entry& e) { return c < first(e); });
    return after == table.begin() ? nullptr : &*(after - 1);
}

char32_t through(std::span<const CaseRange> table, char32_t code) {
    const CaseRange* range = entry_of(table, code, [](const CaseRange& r) { return r.first; });
    if (range == nullptr || code > range->last || (code - range->first) % static_cast<uint32_t>(range->stride) != 0)
        return code;
    return static_cast<char32_t>(static_cast<int32_t>(code) + range->delta);
}

}   // namespace

void append_in_case(std::string& text, char32_t code, Case to) {
    if (code < 0x80) {
        const bool letter = to == Case::kLower ? code >= 'A' && code <= 'Z' : code >= 'a' && code <= 'z';
        text.push_back(static_cast<char>(letter ? code ^ 0x20 : code));
        return;
    }
    const SpecialCase* special =
        entry_of(std::span(kSpecialCases, kSpecialCaseCount), code, [](const SpecialCase& s) { return s.code; });
    if (special != nullptr && special->code == code) {
        text += to == Case::kUpper ? special->upper : to == Case::kLower ? special->lower : special->title;
        return;
    }
    const auto table =
        to == Case::kLower ? std::span(kLowerRanges, kLowerRangeCount) : std::span(kUpperRanges, kUpperRangeCount);
    append_utf8(text, through(table, code));
}

bool is_printable(char32_t code) {
    if (code < 0x80) return code >= 0x20 && code < 0x7f;
    const CodeRange* range =
        entry_of(std::span(kUnprintable, kUnprintableCount), code, [](const CodeRange& r) { return r.first; });
    return range == nullptr || code > range->last;
}

}   // namespace llmft::unicode
