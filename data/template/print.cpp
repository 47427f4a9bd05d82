#include "data/template/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/template/callable.h"
#include "data/unicode/cases.h"
#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

class Printer {
public:
    explicit Printer(Meter& meter) : meter_(meter) {}

    void str(const Value& v) {
        if (v.string())
            put(*v.string());
        else if (!v.is<Undefined>())
            repr(v);
    }

    void repr(const Value& v) {
        const Nesting nesting(depth_, kDeepestValue);
        if (v.is<Undefined>()) put("Undefined");
        if (v.is<None>()) put("None");
        if (v.is<bool>()) put(truth(v) ? "True" : "False");
        if (v.is<int64_t>()) put(std::to_string(v.integer()));
        if (v.is<double>()) put(float_repr(*v.get<double>()));
        if (v.string()) quoted(*v.string());
        if (v.sequence()) sequence(*v.sequence());
        if (v.mapping()) pairs(v.mapping()->items, "{", "}");
        if (v.is<Namespace*>()) names((*v.get<Namespace*>())->items);
        if (v.is<Iterator*>()) put("<generator object>");
        if (v.is<const Callable*>()) callable(**v.get<const Callable*>());
        if (v.is<Loop*>()) {
            const Loop& loop = **v.get<Loop*>();
            put(fmt::format("<LoopContext {}/{}>", loop.index + 1, loop.items.size()));
        }
    }

    std::string take() { return std::move(out_); }

private:
    void put(std::string_view text) { meter_.append(out_, text); }

    void quoted(const std::string& text) {
        const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
        std::string escaped(1, quote);
        for (size_t at = 0; at < text.size();) {
            const unicode::CodePoint point = unicode::decode_utf8(text, at);
            const char32_t c = point.value;
            if (c == static_cast<char32_t>(quote) || c == '\\')
                escaped.append({'\\', static_cast<char>(c)});
            else if (c == '\n' || c == '\r' || c == '\t')
                escaped += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
            else if (unicode::is_printable(c))
                escaped += text.substr(at, point.bytes);
            else if (c < 0x100)
                escaped += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
            else
                escaped += c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(c))
                                       : fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
            at += point.bytes;
        }
        put(escaped + quote);
    }

    void sequence(const Sequence& s) {
        using Type = Sequence::Type;
        if (s.type == Type::kRange) {
            put(fmt::format("range({}, {}{})", s.start, s.stop, s.step == 1 ? "" : fmt::format(", {}", s.step)));
            return;
        }
        if (s.is_view())
            put(s.type == Type::kKeys ? "dict_keys(" : s.type == Type::kValues ? "dict_values(" : "dict_items(");
        put(s.type == Type::kTuple ? "(" : "[");
        for (size_t i = 0; i < s.items.size(); ++i) {
            if (i > 0) put(", ");
            repr(s.items[i]);
        }
        if (s.type == Type::kTuple && s.items.size() == 1) put(",");
        put(s.type == Type::kTuple ? ")" : "]");
        if (s.is_view()) put(")");
    }

    template <class Items>
    void pairs(const Items& items, const char* open, const char* close) {
        put(open);
        for (size_t i = 0; i < items.size(); ++i) {
            if (i > 0) put(", ");
            repr(items[i].first);
            put(": ");
            repr(items[i].second);
        }
        put(close);
    }

    void names(const std::vector<std::pair<std::string, Value>>& items) {
        std::vector<std::pair<Value, Value>> values;
        for (const auto& item : items) values.emplace_back(Value::text(item.first), item.second);
        pairs(values, "<Namespace {", "}>");
    }

    void callable(const Callable& c) {
        if (c.macro)
            put(c.macro->name.empty() ? "<Macro anonymous>" : fmt::format("<Macro '{}'>", c.macro->name));
        else
            put(fmt::format("<function {}>", c.builtin->name));
    }

    Meter& meter_;
    std::string out_;
    int depth_ = 0;
};

class JsonPrinter {
public:
    JsonPrinter(const JsonStyle& style, Meter& meter) : style_(style), meter_(meter) {}

    void value(const Value& v) {
        const Nesting nesting(depth_, kDeepestValue);
        if (v.is<None>())
            put("null");
        else if (v.is<bool>())
            put(truth(v) ? "true" : "false");
        else if (v.is<int64_t>())
            put(std::to_string(v.integer()));
        else if (v.is<double>())
            put(number(*v.get<double>()));
        else if (v.string())
            quoted(*v.string());
        else if (v.sequence() && v.sequence()->type <= Sequence::Type::kTuple)
            array(v.sequence()->items);
        else if (v.mapping())
            object(*v.mapping());
        else
            fail(fmt::format("Object of type {} is not JSON serializable", type_name(v)));
    }

    std::string take() { return std::move(out_); }

private:
    void put(std::string_view text) { meter_.append(out_, text); }

    static std::string number(double x) {
        if (std::isnan(x)) return "NaN";
        if (std::isinf(x)) return x > 0 ? "Infinity" : "-Infinity";
        return float_repr(x);
    }

    void quoted(std::string_view text) {
        std::string escaped = "\"";
        for (size_t at = 0; at < text.size();) {
            const unicode::CodePoint point = unicode::decode_utf8(text, at);
            escape(point.value, text.substr(at, point.bytes), escaped);
            at += point.bytes;
        }
        put(escaped + '"');
    }

    void escape(char32_t code, std::string_view bytes, std::string& to) const {
        constexpr std::string_view kPlain = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
        const size_t letter = code < 0x80 ? kPlain.find(static_cast<char>(code)) : std::string_view::npos;
        const auto unit = [&](char32_t u) { to += fmt::format("\\u{:04x}", static_cast<uint32_t>(u)); };
        if (letter != std::string_view::npos) {
            to.append({'\\', kLetters[letter]});
        } else if (code >= 0x20 && (!style_.ascii || code < 0x7f)) {
            to += bytes;
        } else if (code < 0x10000) {
            unit(code);
        } else {
            unit(0xd800 + ((code - 0x10000) >> 10));
            unit(0xdc00 + ((code - 0x10000) & 0x3ff));
        }
    }

    void break_line() {
        if (!style_.indent) return;
        put("\n");
        for (int i = 0; i < level_; ++i) put(*style_.indent);
    }

    template <class Items, class One>
    void items(const Items& all, const char* open, const char* close, One one) {
        put(open);
        if (!all.empty()) {
            ++level_;
            for (size_t i = 0; i < all.size(); ++i) {
                if (i > 0) put(style_.item_separator);
                break_line();
                one(all[i]);
            }
            --level_;
            break_line();
        }
        put(close);
    }

    void array(const Values& values) {
        items(values, "[", "]", [this](const Value& v) { value(v); });
    }

    void object(const Mapping& mapping) {
        auto pairs = mapping.items;
        if (style_.sorted)
            std::stable_sort(pairs.begin(), pairs.end(),
                             [this](const auto& a, const auto& b) { return less(a.first, b.first, meter_); });
        items(pairs, "{", "}", [this](const std::pair<Value, Value>& item) {
            key(item.first);
            put(style_.key_separator);
            value(item.second);
        });
    }

    void key(const Value& k) {
        if (k.string())
            quoted(*k.string());
        else if (k.is<None>())
            quoted("null");
        else if (k.is<bool>())
            quoted(truth(k) ? "true" : "false");
        else if (k.is<int64_t>())
            quoted(std::to_string(k.integer()));
        else if (k.is<double>())
            quoted(number(*k.get<double>()));
        else
            fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(k)));
    }

    const JsonStyle& style_;
    Meter& meter_;
    std::string out_;
    int depth_ = 0, level_ = 0;
};

}   // namespace

std::string float_repr(double x) {
    if (std::isnan(x)) return "nan";
    if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
    std::string digits = fmt::format("{}", x);   // the shortest that reads back, with Python's choice of exponents
    if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
    return digits;
}

std::string str(const Value& v, Meter& meter) {
    Printer printer(meter);
    printer.str(v);
    return printer.take();
}

std::string repr(const Value& v, Meter& meter) {
    Printer printer(meter);
    printer.repr(v);
    return printer.take();
}

std::string dumps(const Value& v, const JsonStyle& style, Meter& meter) {
    JsonPrinter printer(style, meter);
    printer.value(v);
    return printer.take();
}

}   // namespace llmft::jinja
