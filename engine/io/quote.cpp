#include "engine/io/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace llmft {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `s`, 0 where there is none (Unicode 15, table 3-7).
size_t sequence_length(std::string_view s) {
    const auto byte = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : uint8_t{0}; };
    const auto in = [&](size_t i, int low, int high) { return byte(i) >= low && byte(i) <= high; };
    const uint8_t lead = byte(0);
    if (s.empty()) return 0;
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const bool second = in(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
        return second && in(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const bool second = in(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
        return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
    }
    return 0;
}

// Where the first byte from `at` on that is beyond ASCII is, or the text's end.
size_t skip_ascii(std::string_view text, size_t at) {
    for (uint64_t eight; at + sizeof eight <= text.size(); at += sizeof eight) {
        std::memcpy(&eight, text.data() + at, sizeof eight);
        if ((eight & 0x8080808080808080) != 0) break;
    }
    while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
    return at;
}

bool is_plain(char c) {
    return c >= 0x20 && c < 0x7F;
}

bool is_c1_control(std::string_view s) {
    return s.size() == 2 && s[0] == '\xC2' && static_cast<uint8_t>(s[1]) < 0xA0;
}

// A sequence, or a byte that is none, as it may be printed.
std::string escaped(std::string_view unit) {
    if (unit == "\n") return "\\n";
    if (unit == "\t") return "\\t";
    const auto lead = static_cast<uint8_t>(unit[0]);
    if (is_plain(unit[0])) return std::string(unit);
    if (lead < 0x80 || sequence_length(unit) == 0) return fmt::format("\\x{:02x}", lead);
    if (is_c1_control(unit)) return fmt::format("\\x{:02x}", static_cast<uint8_t>(unit[1]));
    return std::string(unit);
}

}   // namespace

size_t first_invalid_utf8(std::string_view text) {
    for (size_t at = skip_ascii(text, 0); at < text.size(); at = skip_ascii(text, at)) {
        const size_t length = sequence_length(text.substr(at));
        if (length == 0) return at;
        at += length;
    }
    return std::string_view::npos;
}

std::string on_one_line(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const auto plain = std::find_if_not(text.begin() + static_cast<int64_t>(at), text.end(), is_plain);
        const size_t end = static_cast<size_t>(plain - text.begin());
        out.append(text, at, end - at);
        if (end == text.size()) break;
        const size_t length = std::max<size_t>(1, sequence_length(text.substr(end)));
        out += escaped(text.substr(end, length));
        at = end + length;
    }
    return out;
}

std::string in_quotes(std::string_view text, size_t max_bytes) {
    constexpr std::string_view kMore = "…";
    std::string out = "\"";
    for (size_t at = 0; at < text.size();) {
        const size_t length = std::max<size_t>(1, sequence_length(text.substr(at)));
        const std::string_view raw = text.substr(at, length);
        const std::string unit = raw == "\"" || raw == "\\" ? fmt::format("\\{}", raw) : escaped(raw);
        at += length;
        const size_t closing = 1 + (at < text.size() ? kMore.size() : 0);
        if (out.size() + unit.size() + closing > max_bytes) return out.append(kMore).append("\"");
        out += unit;
    }
    return out += '"';
}

std::string byte_count_text(uint64_t bytes) {
    return fmt::format("{} {}", bytes, bytes == 1 ? "byte" : "bytes");
}

}   // namespace llmft
