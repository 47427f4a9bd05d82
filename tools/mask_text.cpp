#include "tools/mask_text.h"

#include <algorithm>

#include "engine/io/quote.h"

namespace llmft {
namespace {

std::string printable(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find_first_of("\n\t", at), text.size());
        out += on_one_line(text.substr(at, end - at));
        if (end < text.size()) out += text[end];
        at = end + 1;
    }
    return out;
}

}   // namespace

std::string mask_text(const Example& example, const Tokenizer& tokenizer, int64_t tokens, Colour colour) {
    const bool dim = colour == Colour::kYes;
    Example start = example;
    const auto shown = static_cast<size_t>(std::min<int64_t>(tokens, static_cast<int64_t>(example.ids.size())));
    start.ids.resize(shown);
    start.labels.resize(shown);
    std::string text;
    for (const MaskPiece& piece : mask_pieces(start, tokenizer))
        text += piece.learned ? printable(piece.text)
                              : (dim ? "\x1b[2m" : "⟦") + printable(piece.text) + (dim ? "\x1b[0m" : "⟧");
    return text + (shown < example.ids.size() ? " …" : "");
}

}   // namespace llmft
