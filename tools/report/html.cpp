#include "tools/report/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"

namespace llmft {
namespace {

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

void append_escaped(std::string& html, std::string_view well_formed) {
    for (const char c : well_formed) {
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
            case '&': html += "&amp;"; break;
            case '<': html += "&lt;"; break;
            case '>': html += "&gt;"; break;
            case '"': html += "&quot;"; break;
            case '\'': html += "&#39;"; break;
            default:
                if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f)
                    html += fmt::format("\\x{:02x}", byte);
                else
                    html += c;
        }
    }
}

}   // namespace

std::string escape_html(std::string_view text) {
    std::string html;
    for (;;) {
        const size_t bad = first_invalid_utf8(text);
        append_escaped(html, text.substr(0, bad));
        if (bad == std::string_view::npos) return html;
        html += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[bad]));
        text.remove_prefix(bad + 1);
    }
}

std::string encoded_path(std::string_view path) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    std::string url;
    for (const char c : path)
        url += kPlain.find(c) != std::string_view::npos ? std::string(1, c)
                                                        : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return url;
}

std::string shortened(std::string_view text, size_t bytes) {
    if (text.size() <= bytes) return std::string(text);
    while (bytes > 0 && continues(text[bytes])) --bytes;
    return std::string(text.substr(0, bytes)) + "…";
}

}   // namespace llmft
