#include "engine/log/columns.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace llmft {
namespace {

struct Range {
    uint32_t first, last;
};

// Unicode's East Asian Width W and F, in blocks, and the emoji that terminals show as wide.
constexpr std::array<Range, 14> kWide = {{{0x1100, 0x115f},
                                          {0x231a, 0x231b},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0xa4cf},
                                          {0xa960, 0xa97c},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x1f64f},
                                          {0x1f680, 0x1f6ff},
                                          {0x1f900, 0x1f9ff},
                                          {0x20000, 0x3fffd}}};
// Marks that combine, joiners, variation selectors.
constexpr std::array<Range, 6> kNone = {
    {{0x300, 0x36f}, {0x483, 0x489}, {0x200b, 0x200f}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xe0100, 0xe01ef}}};

template <size_t N>
bool in(const std::array<Range, N>& ranges, uint32_t code) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const Range& range) { return range.first <= code && code <= range.last; });
}

// The code point at `at`, which moves behind it.
uint32_t next_code(std::string_view text, size_t& at) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    uint32_t code = lead < 0x80 ? lead : lead < 0xe0 ? lead & 0x1f : lead < 0xf0 ? lead & 0x0f : lead & 0x07;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
        code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3f);
    return code;
}

size_t width(uint32_t code) {
    return in(kNone, code) ? 0 : in(kWide, code) ? 2 : 1;
}

}   // namespace

size_t terminal_columns_of(std::string_view text) {
    size_t columns = 0;
    for (size_t at = 0; at < text.size();) columns += width(next_code(text, at));
    return columns;
}

std::string_view first_columns(std::string_view text, size_t columns) {
    size_t end = 0;
    for (size_t at = 0, taken = 0; at < text.size();) {
        taken += width(next_code(text, at));
        if (taken > columns) return text.substr(0, end);
        end = at;
    }
    return text;
}

}   // namespace llmft
