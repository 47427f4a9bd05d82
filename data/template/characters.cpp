#include "data/template/characters.h"

#include <string.h>   // memmem

#include <algorithm>

#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

size_t last_character(std::string_view text) {
    size_t at = text.size() - 1;
    while (continues(text[at])) --at;
    return at;
}

}   // namespace

bool is_space(char32_t code) {
    return (unicode::classes_of(code) & unicode::kSpace) != 0 || (code >= 0x1c && code <= 0x1f);
}

int64_t character_count(std::string_view text) {
    return static_cast<int64_t>(text.size()) - std::count_if(text.begin(), text.end(), continues);
}

std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> all;
    for (size_t at = 0; at < text.size();) {
        const size_t bytes = unicode::decode_utf8(text, at).bytes;
        all.push_back(text.substr(at, bytes));
        at += bytes;
    }
    return all;
}

size_t offset_of(std::string_view text, int64_t index) {
    if (is_plain(text)) return std::min(text.size(), static_cast<size_t>(index));
    size_t at = 0;
    while (index > 0 && at < text.size()) {
        at += unicode::decode_utf8(text, at).bytes;
        --index;
    }
    return at;
}

size_t find_text(std::string_view text, std::string_view what, size_t from) {
    if (what.empty()) return from;
    const void* place = memmem(text.data() + from, text.size() - from, what.data(), what.size());
    return place == nullptr ? std::string_view::npos
                            : static_cast<size_t>(static_cast<const char*>(place) - text.data());
}

size_t leading_space(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        if (!is_space(point.value)) break;
        at += point.bytes;
    }
    return at;
}

std::string_view stripped(std::string_view text, Side side, std::optional<std::string_view> set) {
    const auto goes = [&](size_t at) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        return set ? set->find(text.substr(at, point.bytes)) != std::string_view::npos : is_space(point.value);
    };
    if (side != Side::kRight)
        while (!text.empty() && goes(0)) text.remove_prefix(unicode::decode_utf8(text, 0).bytes);
    if (side != Side::kLeft)
        while (!text.empty() && goes(last_character(text))) text.remove_suffix(text.size() - last_character(text));
    return text;
}

std::string in_case(std::string_view text, unicode::Case to) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        unicode::append_in_case(out, point.value, to);
        at += point.bytes;
    }
    return out;
}

std::string capitalized(std::string_view text) {
    const size_t first = offset_of(text, 1);
    return in_case(text.substr(0, first), unicode::Case::kTitle) + in_case(text.substr(first), unicode::Case::kLower);
}

}   // namespace llmft::jinja
