#include "data/unicode/utf8.h"

namespace llmft::unicode {

Sequence sequence_at(std::string_view text, size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {1, 0};
    const size_t want = lead >= 0xc2 && lead < 0xe0   ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
    if (want == 0) return {0, 1};
    unsigned low = 0x80, high = 0xbf;   // the second byte's range; the later ones have the whole of it
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    for (size_t i = 1; i < want; ++i) {
        const unsigned next = at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
        if (next < low || next > high) return {0, i};
        low = 0x80;
        high = 0xbf;
    }
    return {want, 0};
}

void append_utf8(std::string& text, char32_t code) {
    const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

std::string lossy_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (size_t at = 0; at < bytes.size();) {
        const Sequence here = sequence_at(bytes, at);
        if (here.bytes > 0) {
            text.append(bytes, at, here.bytes);
            at += here.bytes;
        } else {
            append_utf8(text, 0xfffd);
            at += here.wrong;
        }
    }
    return text;
}

}   // namespace llmft::unicode
