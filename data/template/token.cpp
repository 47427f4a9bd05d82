#include "data/template/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "data/template/characters.h"
#include "data/template/string_literal.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

using Type = Token::Type;
constexpr size_t kNone = std::string_view::npos;

std::string with_plain_newlines(std::string_view source) {
    std::string text;
    text.reserve(source.size());
    for (size_t at = 0; at < source.size(); ++at) {
        if (source[at] == '\r' && source.substr(at).starts_with("\r\n")) continue;
        text.push_back(source[at] == '\r' ? '\n' : source[at]);
    }
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Lexer {
public:
    explicit Lexer(std::string_view source) : source_(source) {}

    std::vector<Token> run() {
        while (at_ < source_.size()) data();
        push(Type::kEnd, "");
        return std::move(tokens_);
    }

private:
    void push(Type type, std::string_view text) { tokens_.emplace_back(type, line_, text); }
    [[noreturn]] void refuse(std::string why) const { throw SyntaxFault{line_, std::move(why)}; }

    std::string_view rest() const { return source_.substr(at_); }
    char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
    // Passes over `bytes`, counting lines.
    void skip(size_t bytes) {
        line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                             source_.begin() + static_cast<ptrdiff_t>(at_ + bytes), '\n'));
        at_ += bytes;
    }
    void skip_space() { skip(leading_space(rest())); }

    // A tag's end at the current place: 0 if there is none, else the bytes of it and of what it takes with it.
    size_t tag_end(std::string_view close, bool trims) const {
        const std::string_view text = rest();
        if (text.starts_with('-') && text.substr(1).starts_with(close))
            return 1 + close.size() + leading_space(text.substr(1 + close.size()));
        if (trims && text.starts_with('+') && text.substr(1).starts_with(close)) return 1 + close.size();
        if (!text.starts_with(close)) return 0;
        return close.size() + (trims && text.substr(close.size()).starts_with('\n') ? 1 : 0);
    }

    void data() {
        size_t open = at_;
        while ((open = source_.find('{', open)) != kNone) {
            const char next = open + 1 < source_.size() ? source_[open + 1] : '\0';
            if (next == '{' || next == '%' || next == '#') break;
            ++open;
        }
        if (open == kNone) {
            push(Type::kData, rest());
            skip(rest().size());
            return;
        }
        const char kind = source_[open + 1];
        const char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
        push_text(source_.substr(at_, open - at_), sign, kind != '{');
        skip(open - at_);
        skip(2 + (sign == '-' || sign == '+' ? 1 : 0));
        if (kind == '#') {
            comment();
        } else if (kind == '%' && !raw()) {
            tag(Type::kBlockBegin, Type::kBlockEnd, "%}");
        } else if (kind == '{') {
            tag(Type::kPrintBegin, Type::kPrintEnd, "}}");
        }
    }

    // Text before a tag: "-" strips it, a block or a comment that is alone on its line takes its indentation.
    void push_text(std::string_view text, char sign, bool may_lstrip) {
        if (sign == '-') {
            text = stripped(text, Side::kRight);
        } else if (sign != '+' && may_lstrip) {
            const size_t line = text.rfind('\n') + 1;   // 0 where there is none
            const bool whole_line = line > 0 || at_ == 0 || source_[at_ - 1] == '\n';
            if (whole_line && leading_space(text.substr(line)) == text.size() - line) text = text.substr(0, line);
        }
        if (!text.empty()) push(Type::kData, text);
    }

    void comment() {
        const size_t close = rest().find("#}");
        if (close == kNone) refuse("Missing end of comment tag");
        skip(close > 0 && (rest()[close - 1] == '-' || rest()[close - 1] == '+') ? close - 1 : close);
        skip(tag_end("#}", true));
    }

    // {% raw %}: its text is data up to {% endraw %}.
    bool raw() {
        const std::string_view text = rest();
        const size_t word = leading_space(text);
        if (!text.substr(word).starts_with("raw")) return false;
        const size_t after = word + 3 + leading_space(text.substr(word + 3));
        const size_t before = at_;
        at_ += after;
        const size_t end = rest().starts_with('+') ? 0 : tag_end("%}", true);
        const bool newline_kept = end == 3 && rest().starts_with("%}\n");
        at_ = before;
        if (end == 0) return false;
        skip(after + end - (newline_kept ? 1 : 0));
        for (size_t open = rest().find("{%"); open != kNone; open = rest().find("{%", open + 1)) {
            const char sign = open + 2 < rest().size() ? rest()[open + 2] : '\0';
            const size_t start = open + 2 + (sign == '-' || sign == '+' ? 1 : 0);
            const std::string_view inside = rest().substr(start);
            const size_t name = leading_space(inside);
            if (!inside.substr(name).starts_with("endraw")) continue;
            const size_t behind = name + 6 + leading_space(inside.substr(name + 6));
            const size_t here = at_;
            at_ += start + behind;
            const size_t closing = tag_end("%}", true);
            at_ = here;
            if (closing == 0) continue;
            push_text(rest().substr(0, open), sign, true);
            skip(start + behind + closing);
            return true;
        }
        refuse("Missing end of raw directive");
    }

    void tag(Type begin, Type end, std::string_view close) {
        push(begin, "");
        std::string open_brackets;
        for (;;) {
            const size_t closing = open_brackets.empty() ? tag_end(close, end == Type::kBlockEnd) : 0;
            if (closing != 0) {
                push(end, "");
                skip(closing);
                return;
            }
            if (at_ == source_.size()) return;   // the parser says what is missing
            if (is_space(unicode::decode_utf8(source_, at_).value)) {
                skip_space();
            } else if (!number() && !name() && !string()) {
                operation(open_brackets);
            }
        }
    }

    // Digits with single underscores between them: where they end, or kNone.
    size_t digits_end(size_t from) const {
        size_t at = from;
        while (at < source_.size() && is_digit(source_[at])) {
            ++at;
            if (at + 1 < source_.size() && source_[at] == '_' && is_digit(source_[at + 1])) ++at;
        }
        return at == from ? kNone : at;
    }

    bool number() {
        if (!is_digit(peek())) return false;
        const size_t whole = digits_end(at_);
        size_t end = whole;
        const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
        if (end < source_.size() && source_[end] == '.') {
            const size_t fraction = digits_end(end + 1);
            if (fraction != kNone) end = fraction;
        }
        if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
            const bool signed_exponent =
                end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-');
            const size_t exponent = digits_end(end + 1 + (signed_exponent ? 1 : 0));
            if (exponent != kNone) end = exponent;
        }
        if (end == whole || after_dot) return integer();
        push(Type::kFloat, "");
        const std::string digits = without_underscores(source_.substr(at_, end - at_));
        std::from_chars(digits.data(), digits.data() + digits.size(), tokens_.back().number);
        skip(end - at_);
        return true;
    }

    static std::string without_underscores(std::string_view text) {
        std::string digits(text);
        std::erase(digits, '_');
        return digits;
    }

    bool integer() {
        const char mark = static_cast<char>(peek(1) | 0x20);
        int base = peek() != '0' ? 10 : mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
        size_t end = at_ + (base == 10 ? 0 : 2);
        const auto is_digit_of_base = [&](size_t i) {
            if (i >= source_.size()) return false;
            const char c = source_[i];
            const int digit = is_digit(c)                              ? c - '0'
                              : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                       : 99;
            return digit < base && !(base == 10 && peek() == '0' && digit != 0);
        };
        while (is_digit_of_base(end) || (end < source_.size() && source_[end] == '_' && is_digit_of_base(end + 1)))
            ++end;
        if (base != 10 && end == at_ + 2) {   // "0x" alone is 0 and a name
            base = 10;
            end = at_ + 1;
        }
        const std::string digits = without_underscores(source_.substr(at_, end - at_)).substr(base == 10 ? 0 : 2);
        push(Type::kInteger, "");
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), tokens_.back().integer, base);
        if (error != std::errc()) refuse("an integer beyond 64 bits");
        skip(end - at_);
        return true;
    }

    bool name() {
        const auto in_name = [&](size_t at) {
            const char c = source_[at];
            if (static_cast<unsigned char>(c) < 0x80)
                return c == '_' || is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
            return (unicode::classes_of(unicode::decode_utf8(source_, at).value) & unicode::kWord) != 0;
        };
        size_t end = at_;
        while (end < source_.size() && in_name(end)) end += unicode::decode_utf8(source_, end).bytes;
        if (end == at_) return false;
        push(Type::kName, source_.substr(at_, end - at_));
        skip(end - at_);
        return true;
    }

    bool string() {
        const char quote = peek();
        if (quote != '\'' && quote != '"') return false;
        size_t end = at_ + 1;
        while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
        if (end >= source_.size()) return false;
        push(Type::kString, "");
        const auto text = unescaped(source_.substr(at_ + 1, end - at_ - 1));
        if (!text) refuse("an escape in a string that is none");
        tokens_.back().text = *text;
        skip(end + 1 - at_);
        return true;
    }

    void operation(std::string& open_brackets) {
        constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
        size_t bytes = 1;
        for (const std::string_view two : kTwo)
            if (rest().starts_with(two)) bytes = 2;
        const char c = peek();
        if (bytes == 1 && std::string_view("+-*/%~[](){}><=.:|,;").find(c) == kNone)
            refuse(fmt::format("unexpected char '{}'", rest().substr(0, unicode::decode_utf8(source_, at_).bytes)));
        if (bytes == 1 && (c == '{' || c == '(' || c == '['))
            open_brackets.push_back(c == '{' ? '}' : c == '(' ? ')' : ']');
        if (bytes == 1 && (c == '}' || c == ')' || c == ']')) {
            if (open_brackets.empty()) refuse(fmt::format("unexpected '{}'", c));
            if (open_brackets.back() != c)
                refuse(fmt::format("unexpected '{}', expected '{}'", c, open_brackets.back()));
            open_brackets.pop_back();
        }
        push(Type::kOperator, rest().substr(0, bytes));
        skip(bytes);
    }

    std::string_view source_;
    size_t at_ = 0;
    int line_ = 1;
    std::vector<Token> tokens_;
};

}   // namespace

std::vector<Token> tokenize(std::string_view source) {
    const std::string text = with_plain_newlines(source);
    return Lexer(text).run();
}

}   // namespace llmft::jinja
