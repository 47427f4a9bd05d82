#include "data/template/filters_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "data/template/characters.h"
#include "data/template/format.h"
#include "data/template/operators.h"
#include "data/template/runtime.h"
#include "data/template/table.h"
#include "data/template/text_methods.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

// A text as it is, anything else as str shows it.
Value soft(Runtime& run, const Value& self) {
    return self.string() ? self : run.text(run.str(self));
}

// The method of the same name, on the input as text.
Value by_method(Runtime& run, const Value& self, const char* name, Arguments arguments) {
    return run.run_builtin(*find_text_method(name), soft(run, self), std::move(arguments));
}

Value upper(Runtime& run, const Value& self, Given&) {
    return by_method(run, self, "upper", {});
}
Value lower(Runtime& run, const Value& self, Given&) {
    return by_method(run, self, "lower", {});
}
Value capitalize(Runtime& run, const Value& self, Given&) {
    return by_method(run, self, "capitalize", {});
}
Value trim(Runtime& run, const Value& self, Given& given) {
    return by_method(run, self, "strip", {{given.has(0) ? given.value(0) : Value(None{})}, {}});
}
Value center(Runtime& run, const Value& self, Given& given) {
    return by_method(run, self, "center", {{given.integer_or(0, 80)}, {}});
}

// Upper case behind the beginning, white space and opening brackets; lower case elsewhere.
Value title(Runtime& run, const Value& self, Given&) {
    const Value text = soft(run, self);
    std::string out;
    bool begins = true;
    for (size_t at = 0; at < text.string()->size();) {
        const auto [code, bytes] = unicode::decode_utf8(*text.string(), at);
        at += bytes;
        unicode::append_in_case(out, code, begins ? unicode::Case::kUpper : unicode::Case::kLower);
        begins = is_space(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
    }
    return run.text(std::move(out));
}

Value replace(Runtime& run, const Value& self, Given& given) {
    return run.text(
        replaced(run.str(self), run.str(given.value(0)), run.str(given.value(1)), given.integer_or(2, -1), run.meter));
}

Value string(Runtime& run, const Value& self, Given&) {
    return soft(run, self);
}
Value safe(Runtime& run, const Value& self, Given&) {
    return run.text(run.str(self), true);
}
Value escape(Runtime& run, const Value& self, Given&) {
    return run.text(html_escaped(self, run.meter), true);
}

Value format(Runtime& run, const Value& self, Given& given) {
    Arguments& all = given.all();
    if (!all.positional.empty() && !all.named.empty())
        fail("can't handle positional and keyword arguments at the same time");
    Value values = run.tuple(all.positional);
    if (!all.named.empty()) {
        Mapping* mapping = run.mapping();
        for (auto& [name, value] : all.named) mapping->put(Value::text(name), value);
        values = static_cast<const Mapping*>(mapping);
    }
    return run.text(percent_format(run.str(self), values, run));
}

// All lines but the first are moved right; with `first` that one, too, and with `blank` also empty ones.
Value indent(Runtime& run, const Value& self, Given& given) {
    if (!self.string()) fail(fmt::format("indent takes a text, not {}", type_name(self)));
    const bool by_text = given.has(0) && given.value(0).string();
    const int64_t width = by_text ? 0 : given.integer_or(0, 4);
    run.meter.grow(0, static_cast<size_t>(std::max<int64_t>(width, 0)));
    const std::string by = by_text ? given.text(0) : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    const bool first = given.truth_or(1, false), blank = given.truth_or(2, false);
    std::string out;
    std::string_view rest = *self.string();
    for (bool begins = true;; begins = false) {
        const size_t end = rest.find_first_of("\n\r");
        const std::string_view line = rest.substr(0, end);
        if (begins ? first : blank || !line.empty()) run.meter.append(out, by);
        run.meter.append(out, line);
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
        run.meter.append(out, "\n");
    }
    return text_like(self, std::move(out), run);
}

Value truncate(Runtime& run, const Value& self, Given& given) {
    const int64_t length = given.integer_or(0, 255), leeway = given.integer_or(3, 5);
    const std::string end = given.text_or(2, "...");
    if (length < character_count(end) || leeway < 0) fail("truncate: its length is shorter than its end");
    if (run.length(self) <= length + leeway) return self;
    const std::string text = run.str(self);
    std::string_view kept = std::string_view(text).substr(0, offset_of(text, length - character_count(end)));
    if (!given.truth_or(1, false)) kept = kept.substr(0, kept.rfind(' '));
    return run.text(std::string(kept) + end);
}

Value wordcount(Runtime& run, const Value& self, Given&) {
    int64_t words = 0;
    bool inside = false;
    const std::string text = run.str(self);
    for (size_t at = 0; at < text.size();) {
        const auto [code, bytes] = unicode::decode_utf8(text, at);
        at += bytes;
        const bool in_word = (unicode::classes_of(code) & unicode::kWord) != 0;
        words += in_word && !inside ? 1 : 0;
        inside = in_word;
    }
    return words;
}

Value urlencode(Runtime& run, const Value& self, Given&) {
    std::string out;
    for (const char c : run.str(self)) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        if (plain || (c >= '0' && c <= '9') || std::string_view("_.-~/").find(c) != std::string_view::npos)
            out += c;
        else
            out += fmt::format("%{:02X}", byte);
    }
    return run.text(std::move(out));
}

// What float(text) reads; nothing where it reads none.
std::optional<double> float_of(const Value& v) {
    if (v.is_number()) return v.number();
    if (!v.string()) return std::nullopt;
    std::string_view digits = stripped(*v.string(), Side::kBoth);
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    double x = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), x);
    if (digits.empty() || error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
    return x;
}

Value to_float(Runtime&, const Value& self, Given& given) {
    expect_defined(self);
    if (const auto x = float_of(self)) return *x;
    return given.has(0) ? given.value(0) : Value(0.0);
}

Value to_int(Runtime&, const Value& self, Given& given) {
    expect_defined(self);
    if (self.is_integer()) return self.integer();
    if (self.string()) {
        const auto base = static_cast<int>(given.integer_or(1, 10));
        if (base < 2 || base > 36) fail("int: the base is 2 to 36");
        std::string_view digits = stripped(*self.string(), Side::kBoth);
        if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
        const char* prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
        if (*prefix != 0 && digits.starts_with(prefix)) digits.remove_prefix(2);
        int64_t x = 0;
        const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), x, base);
        if (!digits.empty() && error == std::errc() && stop == digits.data() + digits.size()) return x;
    }
    const auto x = float_of(self);
    if (x && std::fabs(*x) < 0x1p63) return static_cast<int64_t>(*x);
    return given.has(0) ? given.value(0) : Value(int64_t{0});
}

Value absolute(Runtime&, const Value& self, Given&) {
    expect_defined(self);
    if (self.is_integer()) return self.integer() < 0 ? negated(self) : Value(self.integer());
    if (!self.is<double>()) fail(fmt::format("bad operand type for abs(): '{}'", type_name(self)));
    return std::fabs(self.number());
}

Value round(Runtime&, const Value& self, Given& given) {
    if (!self.is_number()) fail(fmt::format("type {} doesn't define __round__ method", type_name(self)));
    const int64_t digits = given.integer_or(0, 0);
    const std::string method = given.text_or(1, "common");
    if (digits < -300 || digits > 300) fail("round: too many digits");
    const double x = self.number();
    if (method == "common" && self.is_integer() && digits >= 0) return self.integer();
    if (method == "common") {   // correctly rounded, half to even in the exact value
        if (digits >= 0) return std::stod(fmt::format("{:.{}f}", x, digits));
        const double unit = std::pow(10.0, static_cast<double>(-digits));
        return std::nearbyint(x / unit) * unit;
    }
    const double unit = std::pow(10.0, static_cast<double>(digits));
    if (method == "ceil") return std::ceil(x * unit) / unit;
    if (method == "floor") return std::floor(x * unit) / unit;
    fail("method must be common, ceil or floor");
}

Value fallback(Runtime&, const Value& self, Given& given) {
    const bool missing = self.is<Undefined>() || (given.truth_or(1, false) && !truth(self));
    if (!missing) return self;
    return given.has(0) ? given.value(0) : Value::text("");
}

// As transformers defines it: json.dumps, nothing escaped for HTML.
Value tojson(Runtime& run, const Value& self, Given& given) {
    JsonStyle style;
    style.ascii = given.truth_or(0, false);
    style.sorted = given.truth_or(3, false);
    if (given.has(1) && !given.value(1).is<None>()) {
        const int64_t width = given.value(1).string() ? 0 : given.integer_or(1, 0);
        if (width > 100) fail("tojson: an indent of more than 100");
        style.indent = given.value(1).string() ? given.text(1)
                                               : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
        style.item_separator = ",";
    }
    if (given.has(2) && !given.value(2).is<None>()) {
        const Values both = run.items(given.value(2));
        if (both.size() != 2 || !both[0].string() || !both[1].string()) fail("tojson: separators are two texts");
        style.item_separator = *both[0].string();
        style.key_separator = *both[1].string();
    }
    return run.text(dumps(self, style, run.meter));
}

constexpr Builtin kFilters[] = {
    {"abs", "", absolute},
    {"capitalize", "", capitalize},
    {"center", "width?", center},
    {"d", "default_value? boolean?", fallback},
    {"default", "default_value? boolean?", fallback},
    {"e", "", escape},
    {"escape", "", escape},
    {"float", "default?", to_float},
    {"format", "*", format},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", to_int},
    {"lower", "", lower},
    {"replace", "old new count?", replace},
    {"round", "precision? method?", round},
    {"safe", "", safe},
    {"string", "", string},
    {"title", "", title},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", tojson},
    {"trim", "chars?", trim},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"upper", "", upper},
    {"urlencode", "", urlencode},
    {"wordcount", "", wordcount},
};

}   // namespace

const Builtin* find_text_filter(std::string_view name) {
    return find_in(kFilters, name);
}

}   // namespace llmft::jinja
