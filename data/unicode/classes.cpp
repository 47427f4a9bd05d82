#include "data/unicode/classes.h"

#include <algorithm>

namespace llmft::unicode {
namespace {

// A break point's value: the category's place in this list, with flags.
constexpr std::string_view kCategories = "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCoCn";
constexpr uint8_t kCategory = 31, kWordFlag = 32, kNumericFlag = 64, kSpaceFlag = 128;

std::string_view category_name(uint8_t value) {
    return kCategories.substr(size_t{2} * (value & kCategory), 2);
}

uint8_t classes_of_value(uint8_t value) {
    const std::string_view name = category_name(value);
    uint8_t classes = 0;
    if (name[0] == 'L') classes |= kLetter;
    if (name[0] == 'N') classes |= kNumber;
    if (name[0] == 'M') classes |= kMark;
    if (name == "Lu" || name == "Lt") classes |= kUpper;
    if (name == "Ll") classes |= kLower;
    if (value & kSpaceFlag) classes |= kSpace;
    if (value & kWordFlag) classes |= kWord;
    if (value & kNumericFlag) classes |= kNumeric;
    return classes;
}

template <class Has>
std::vector<CodeRange> ranges_where(const Has& has) {
    std::vector<CodeRange> ranges;
    for (size_t i = 0; i < kBreakCount; ++i) {
        if (!has(static_cast<uint8_t>(kBreaks[i]))) continue;
        const char32_t first = kBreaks[i] >> 8, end = i + 1 < kBreakCount ? kBreaks[i + 1] >> 8 : kCodes;
        if (!ranges.empty() && ranges.back().last + 1 == first)
            ranges.back().last = end - 1;
        else
            ranges.push_back({first, end - 1});
    }
    return ranges;
}

}   // namespace

PageTable::PageTable(const uint32_t* breaks, size_t count, uint8_t (*value_of)(uint8_t)) {
    size_t at = 0;
    for (size_t page = 0; page < page_of_.size(); ++page) {
        std::array<uint8_t, kPage> bytes;
        for (size_t i = 0; i < kPage; ++i) {
            while (at + 1 < count && (breaks[at + 1] >> 8) <= page * kPage + i) ++at;
            bytes[i] = value_of(static_cast<uint8_t>(breaks[at]));
        }
        const auto same = std::find(pages_.begin(), pages_.end(), bytes);
        page_of_[page] = static_cast<uint16_t>(same - pages_.begin());
        if (same == pages_.end()) pages_.push_back(bytes);
    }
}

const PageTable& class_table() {
    static const PageTable table(kBreaks, kBreakCount, classes_of_value);
    return table;
}

uint8_t classes_of(char32_t code) {
    return class_table()[code];
}

std::vector<CodeRange> category_ranges(std::string_view name) {
    return ranges_where([&](uint8_t value) { return !name.empty() && category_name(value).starts_with(name); });
}

std::vector<CodeRange> class_ranges(uint8_t classes) {
    return ranges_where([&](uint8_t value) { return (classes_of_value(value) & classes) != 0; });
}

std::vector<CodeRange> complement(const std::vector<CodeRange>& ranges) {
    std::vector<CodeRange> others;
    char32_t next = 0;
    for (const CodeRange& range : ranges) {
        if (range.first > next) others.push_back({next, range.first - 1});
        next = range.last + 1;
    }
    if (next < kCodes) others.push_back({next, kCodes - 1});
    return others;
}

}   // namespace llmft::unicode
