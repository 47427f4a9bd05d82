#include "data/tokenizer/traced_text.h"

#include <algorithm>

#include "data/unicode/utf8.h"

namespace llmft {

TracedText TracedText::plain(std::string_view text, size_t at, bool traced) {
    TracedText piece{std::string(text), {}};
    if (!traced) return piece;
    piece.from.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const size_t bytes = unicode::decode_utf8(text, i).bytes;
        const auto begin = static_cast<uint32_t>(at + i);
        piece.from.insert(piece.from.end(), bytes, {begin, begin + static_cast<uint32_t>(bytes)});
        i += bytes;
    }
    return piece;
}

TracedText TracedText::part(size_t begin, size_t end) const {
    TracedText piece{text.substr(begin, end - begin), {}};
    if (!from.empty())
        piece.from.assign(from.begin() + static_cast<int64_t>(begin), from.begin() + static_cast<int64_t>(end));
    return piece;
}

TextSpan TracedText::span(size_t begin, size_t end) const {
    if (from.empty() || begin == end) return {0, 0};
    return {from[begin].begin, from[end - 1].end};
}

TextSpan TracedText::before_all() const {
    return {from.front().begin, from.front().begin};
}

void TracedText::replace(const std::vector<Edit>& edits, std::string_view content) {
    if (edits.empty()) return;
    const bool traced = !from.empty();
    std::string out;
    std::vector<TextSpan> spans;
    out.reserve(text.size() + edits.size() * content.size());
    if (traced) spans.reserve(out.capacity());
    const auto keep = [&](size_t begin, size_t end) {
        out.append(text, begin, end - begin);
        if (traced)
            spans.insert(spans.end(), from.begin() + static_cast<int64_t>(begin),
                         from.begin() + static_cast<int64_t>(end));
    };
    size_t done = 0;
    for (const Edit& edit : edits) {
        keep(done, edit.begin);
        out.append(content);
        if (traced) spans.insert(spans.end(), content.size(), edit.end == 0 ? before_all() : from[edit.end - 1]);
        done = edit.end;
    }
    keep(done, text.size());
    text = std::move(out);
    from = std::move(spans);
}

void TracedText::prepend(std::string_view content) {
    if (text.empty()) return;
    text.insert(0, content);
    if (!from.empty()) {
        const TextSpan first = from[0];
        from.insert(from.begin(), content.size(), first);
    }
}

void TracedText::transform(const std::vector<unicode::ChangedCharacter>& characters) {
    const bool traced = !from.empty();
    std::string out;
    std::vector<TextSpan> spans;
    out.reserve(text.size());
    size_t at = 0;   // bytes of the text before that are behind
    const auto skip = [&](int32_t count) {
        for (; count > 0 && at < text.size(); --count) at += unicode::decode_utf8(text, at).bytes;
    };
    for (const auto& [code, change] : characters) {
        const size_t before = out.size();
        unicode::append_utf8(out, code);
        if (traced) {
            const TextSpan span = change <= 0 ? from[std::min(at, from.size() - 1)]
                                  : at > 0    ? from[at - 1]
                                              : before_all();
            spans.insert(spans.end(), out.size() - before, span);
        }
        if (change <= 0) skip(1 - change);
    }
    text = std::move(out);
    from = std::move(spans);
}

void TracedText::strip(size_t begin, size_t end) {
    text.erase(end);
    text.erase(0, begin);
    if (from.empty()) return;
    from.erase(from.begin() + static_cast<int64_t>(end), from.end());
    from.erase(from.begin(), from.begin() + static_cast<int64_t>(begin));
}

}   // namespace llmft
