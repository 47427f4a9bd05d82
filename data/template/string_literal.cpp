#include "data/template/string_literal.h"

#include <charconv>

#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

// Exactly `digits` digits of `base`, or nothing.
std::optional<char32_t> number(std::string_view text, size_t digits, int base) {
    uint32_t value = 0;
    if (text.size() < digits) return std::nullopt;
    const char* end = text.data() + digits;
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (stop != end || error != std::errc()) return std::nullopt;
    return value;
}

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

}   // namespace

std::optional<std::string> unescaped(std::string_view literal) {
    constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
    std::string text;
    while (!literal.empty()) {
        const size_t plain = literal.find('\\');
        text += literal.substr(0, plain);
        if (plain == std::string_view::npos || plain + 1 == literal.size()) break;
        literal.remove_prefix(plain + 1);
        const char c = literal[0];
        size_t used = 1;
        std::optional<char32_t> code;
        if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
            code = static_cast<char32_t>(kMeanings[letter]);
        } else if (c == '\n') {
            literal.remove_prefix(1);
            continue;
        } else if (is_octal(c)) {
            while (used < 3 && used < literal.size() && is_octal(literal[used])) ++used;
            code = number(literal, used, 8);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            code = number(literal.substr(1), digits, 16);
            used += digits;
            if (!code || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff)) return std::nullopt;
        } else if (c == 'N') {
            return std::nullopt;
        } else {   // not an escape: both characters stand
            text += '\\';
            continue;
        }
        unicode::append_utf8(text, *code);
        literal.remove_prefix(used);
    }
    return text;
}

}   // namespace llmft::jinja
