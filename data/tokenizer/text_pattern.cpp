#include "data/tokenizer/text_pattern.h"

#include <fmt/format.h>

#include "data/unicode/classes.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

using Ranges = std::vector<unicode::CodeRange>;

// As the inside of a bracket. The surrogates, which no text has, are left out: PCRE2 takes none.
std::string written_out(const Ranges& ranges) {
    constexpr char32_t kFirstSurrogate = 0xd800, kLastSurrogate = 0xdfff;
    std::string text;
    const auto add = [&](char32_t first, char32_t last) {
        if (first <= last)
            text += fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<uint32_t>(first), static_cast<uint32_t>(last));
    };
    for (const auto& [first, last] : ranges) {
        add(first, std::min<char32_t>(last, kFirstSurrogate - 1));
        add(std::max<char32_t>(first, kLastSurrogate + 1), last);
    }
    return text;
}

// Goes through an expression and writes it anew.
class Rewriter {
public:
    Rewriter(std::string_view expression, const JsonField& field) : text_(expression), field_(field) {}

    std::string run() {
        while (at_ < text_.size()) {
            if (text_[at_] == '\\') {
                escape(false);
            } else if (text_[at_] == '[') {
                bracket();
            } else {
                out_ += text_[at_++];
            }
        }
        return std::move(out_);
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        field_.refuse("SCHEMA", fmt::format("{} is not supported in {}", what, in_quotes(text_)),
                      "use a model whose tokenizer llmft reads, or give rows of tokens (--dataset-format tokens)");
    }

    void bracket() {
        out_ += text_[at_++];
        if (at_ < text_.size() && text_[at_] == '^') out_ += text_[at_++];
        if (at_ < text_.size() && text_[at_] == ']') out_ += text_[at_++];   // a first one is itself
        while (at_ < text_.size() && text_[at_] != ']') {
            if (text_[at_] == '[') refuse("a class within a class");
            if (text_.substr(at_, 2) == "&&") refuse("&&");
            if (text_[at_] == '\\')
                escape(true);
            else
                out_ += text_[at_++];
        }
    }

    void escape(bool inside) {
        const char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        if (kind == 'p' || kind == 'P') return property(inside);
        const Ranges ranges = class_of_escape(kind | 0x20);
        const bool negated = kind >= 'A' && kind <= 'Z';
        if (kind == 'h' || kind == 'H' || kind == 'R' || kind == 'X') refuse(fmt::format("\\{}", kind));
        if (!ranges.empty()) {
            put(negated ? unicode::complement(ranges) : ranges, inside);
            at_ += 2;
        } else if ((kind == 'b' || kind == 'B') && !inside) {
            const std::string word = "[" + written_out(unicode::class_ranges(unicode::kWord)) + "]";
            out_ += kind == 'b' ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
                                : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
            at_ += 2;
        } else {
            out_.append(text_, at_, 2);
            at_ += std::min<size_t>(2, text_.size() - at_);
        }
    }

    static Ranges class_of_escape(int kind) {
        switch (kind) {
            case 's': return unicode::class_ranges(unicode::kSpace);
            case 'w': return unicode::class_ranges(unicode::kWord);
            case 'd': return unicode::category_ranges("Nd");
            default: return {};
        }
    }

    // \p{NAME}, \p{^NAME}, \P{NAME}.
    void property(bool inside) {
        const size_t end = text_.find('}', at_);
        if (text_.substr(at_ + 2, 1) != "{" || end == std::string_view::npos) refuse(std::string(text_.substr(at_, 2)));
        std::string_view name = text_.substr(at_ + 3, end - at_ - 3);
        bool negated = text_[at_ + 1] == 'P';
        if (name.starts_with('^')) {
            negated = !negated;
            name.remove_prefix(1);
        }
        const Ranges ranges = unicode::category_ranges(name);
        if (ranges.empty()) refuse(fmt::format("\\p{{{}}}", name));
        put(negated ? unicode::complement(ranges) : ranges, inside);
        at_ = end + 1;
    }

    void put(const Ranges& ranges, bool inside) {
        out_ += inside ? written_out(ranges) : "[" + written_out(ranges) + "]";
    }

    std::string_view text_;
    const JsonField& field_;
    size_t at_ = 0;
    std::string out_;
};

}   // namespace

std::string with_own_classes(std::string_view expression, const JsonField& field) {
    return Rewriter(expression, field).run();
}

TextPattern::TextPattern(const JsonField& component) {
    const JsonField pattern = component.at("pattern");
    if (const auto regex = pattern.find("Regex")) {
        expression_ = regex->text();
        const bool literal = expression_.find_first_of("\\^$.|?*+()[]{}") == std::string::npos;
        if (literal && !expression_.empty()) {
            literal_ = expression_;
            return;
        }
        regex_ = Pattern::for_search(expression_, with_own_classes(expression_, *regex), regex->file(), regex->path());
        return;
    }
    literal_ = pattern.at("String").text();
    if (literal_.empty()) pattern.refuse("SCHEMA", "is empty", "fetch the file again");
}

void TextPattern::find_all(std::string_view text, std::vector<TracedText::Edit>& matches) const {
    matches.clear();
    if (!regex_) {
        for (size_t hit = text.find(literal_); hit != std::string_view::npos;
             hit = text.find(literal_, hit + literal_.size()))
            matches.push_back({hit, hit + literal_.size()});
        return;
    }
    if (!text.empty()) regex_->find_all(text, [&](size_t begin, size_t end) { matches.push_back({begin, end}); });
}

}   // namespace llmft
