#include "data/unicode/classes.h"

#include <array>
#include <vector>

namespace llmft::unicode {
namespace {

constexpr size_t kPage = 256;
constexpr size_t kCodes = 0x110000;

// Two steps, page then place: one copy of each page that differs.
struct Pages {
    std::array<uint16_t, kCodes / kPage> page_of;
    std::vector<std::array<uint8_t, kPage>> pages;

    Pages() {
        size_t at = 0;
        for (size_t page = 0; page < page_of.size(); ++page) {
            std::array<uint8_t, kPage> bits;
            for (size_t i = 0; i < kPage; ++i) {
                const size_t code = page * kPage + i;
                while (at + 1 < kBreakCount && (kBreaks[at + 1] >> 8) <= code) ++at;
                bits[i] = static_cast<uint8_t>(kBreaks[at] & 0xff);
            }
            size_t same = 0;
            while (same < pages.size() && pages[same] != bits) ++same;
            if (same == pages.size()) pages.push_back(bits);
            page_of[page] = static_cast<uint16_t>(same);
        }
    }
};

}   // namespace

uint8_t classes_of(char32_t code) {
    static const Pages table;
    if (code >= kCodes) return 0;
    return table.pages[table.page_of[code / kPage]][code % kPage];
}

}   // namespace llmft::unicode
