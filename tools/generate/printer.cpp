#include "tools/generate/printer.h"

#include <cstdio>

namespace llmft {

void TextPrinter::print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    printed_ += text.size();
}

// A token's text may depend on the one before it (a space at a text's beginning), so the last ones that were shown are
// decoded with it, and what they alone give is left out.
void TextPrinter::add(int32_t id) {
    constexpr std::string_view kUnfinished = "\xef\xbf\xbd";
    ids_.push_back(id);
    const std::span<const int32_t> recent = std::span(ids_).subspan(begin_);
    const std::string before = tokenizer_.decode(recent.first(shown_ - begin_), SkipSpecialTokens::kYes);
    const std::string after = tokenizer_.decode(recent, SkipSpecialTokens::kYes);
    if (after.size() <= before.size() || after.ends_with(kUnfinished) || !after.starts_with(before)) return;
    print(std::string_view(after).substr(before.size()));
    begin_ = shown_;
    shown_ = ids_.size();
}

void TextPrinter::finish() {
    const std::string text = tokenizer_.decode(ids_, SkipSpecialTokens::kYes);
    print(std::string_view(text).substr(std::min(printed_, text.size())));
    print("\n");
}

}   // namespace llmft
