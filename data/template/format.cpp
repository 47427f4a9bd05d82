#include "data/template/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/template/characters.h"
#include "data/template/runtime.h"

namespace llmft::jinja {
namespace {

constexpr int kWidest = 4096;   // of one field: more is nobody's wish
constexpr int kMostDigits = 400;

// [fill and alignment][sign][#][0][width][,][.precision][type]
struct Field {
    std::string fill = " ";
    char align = 0, sign = '-', type = 0;
    bool alternate = false, grouped = false;
    int width = 0, precision = -1;
};

[[noreturn]] void fail_spec() {
    fail("a format that is not supported");
}

std::string thousands(std::string digits) {
    const size_t whole = std::min(digits.find_first_of(".e"), digits.size());
    for (size_t at = whole; at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string integer_digits(uint64_t magnitude, char type, bool alternate) {
    switch (type) {
        case 'x': return fmt::format("{}{:x}", alternate ? "0x" : "", magnitude);
        case 'X': return fmt::format("{}{:X}", alternate ? "0X" : "", magnitude);
        case 'o': return fmt::format("{}{:o}", alternate ? "0o" : "", magnitude);
        case 'b': return fmt::format("{}{:b}", alternate ? "0b" : "", magnitude);
        default: return std::to_string(magnitude);
    }
}

std::string float_digits(double magnitude, char type, int precision) {
    const int digits = precision < 0 ? 6 : precision;
    switch (type) {
        case 'e': return fmt::format("{:.{}e}", magnitude, digits);
        case 'E': return fmt::format("{:.{}E}", magnitude, digits);
        case 'f':
        case 'F': return fmt::format("{:.{}f}", magnitude, digits);
        case '%': return fmt::format("{:.{}f}%", magnitude * 100, digits);
        case 'g': return fmt::format("{:.{}g}", magnitude, std::max(digits, 1));
        case 'G': return fmt::format("{:.{}G}", magnitude, std::max(digits, 1));
        default: return precision < 0 ? float_repr(magnitude) : fmt::format("{:.{}g}", magnitude, std::max(digits, 1));
    }
}

std::string number_text(const Value& v, const Field& field, std::string& sign) {
    const bool as_float =
        v.is<double>() || (field.type != 0 && std::string_view("eEfFgG%").find(field.type) != std::string_view::npos);
    const bool negative = as_float ? std::signbit(v.number()) : v.integer() < 0;
    sign = negative ? "-" : field.sign == '-' ? "" : std::string(1, field.sign);
    std::string digits = as_float ? float_digits(std::fabs(v.number()), field.type, field.precision)
                                  : integer_digits(negative ? 0 - static_cast<uint64_t>(v.integer())
                                                            : static_cast<uint64_t>(v.integer()),
                                                   field.type, field.alternate);
    return field.grouped ? thousands(std::move(digits)) : digits;
}

std::string padded(const std::string& sign, std::string body, const Field& field, char usual) {
    const int64_t missing = field.width - character_count(sign) - character_count(body);
    if (missing <= 0) return sign + body;
    const char align = field.align ? field.align : usual;
    const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
    std::string before, after;
    for (int64_t i = 0; i < left; ++i) before += field.fill;
    for (int64_t i = left; i < missing; ++i) after += field.fill;
    return align == '=' ? sign + before + body : before + sign + body + after;
}

// One value in a field; `text` is how it looks where the field says nothing of numbers.
std::string formatted(const Value& v, const Field& field, Runtime& run) {
    const bool as_text = !v.is_number() || v.is<bool>() || field.type == 's';
    if (!as_text || (v.is<bool>() && field.type != 0 && field.type != 's')) {
        std::string sign;
        std::string digits = number_text(v, field, sign);
        return padded(sign, std::move(digits), field, '>');
    }
    if (field.type != 0 && field.type != 's') fail_spec();
    std::string text = run.str(v);
    if (field.precision >= 0) text.resize(offset_of(text, field.precision));
    return padded("", std::move(text), field, '<');
}

int take_number(std::string_view& spec, int most) {
    int value = 0;
    while (!spec.empty() && spec[0] >= '0' && spec[0] <= '9') {
        value = value * 10 + (spec[0] - '0');
        if (value > most) fail_spec();
        spec.remove_prefix(1);
    }
    return value;
}

bool take(std::string_view& spec, char c) {
    if (!spec.starts_with(c)) return false;
    spec.remove_prefix(1);
    return true;
}

void take_precision(std::string_view& spec, Field& field) {
    if (take(spec, '.')) field.precision = take_number(spec, kMostDigits);
}

Field field_of(std::string_view spec) {
    Field field;
    const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
    const size_t first = offset_of(spec, 1);
    if (first < spec.size() && is_align(spec[first])) {
        field.fill = spec.substr(0, first);
        field.align = spec[first];
        spec.remove_prefix(first + 1);
    } else if (!spec.empty() && is_align(spec[0])) {
        field.align = spec[0];
        spec.remove_prefix(1);
    }
    for (const char sign : {'+', '-', ' '})
        if (take(spec, sign)) field.sign = sign;
    field.alternate = take(spec, '#');
    if (take(spec, '0') && field.align == 0) {
        field.fill = "0";
        field.align = '=';
    }
    field.width = take_number(spec, kWidest);
    field.grouped = take(spec, ',');
    take_precision(spec, field);
    if (spec.size() > 1 || (!spec.empty() && std::string_view("sdxXobeEfFgG%").find(spec[0]) == std::string_view::npos))
        fail_spec();
    field.type = spec.empty() ? 0 : spec[0];
    if (field.type == 'd') field.type = 0;
    return field;
}

// The conversions of one "%" pattern, in turn.
class Percent {
public:
    Percent(const Value& arguments, Runtime& run) : run_(run), mapping_(arguments) {
        const bool is_tuple = arguments.sequence() && arguments.sequence()->type == Sequence::Type::kTuple;
        values_ = is_tuple ? arguments.sequence()->items : Values{arguments};
        may_hold_more_ = !is_tuple && (arguments.mapping() || arguments.is<Undefined>() || arguments.sequence());
    }

    std::string conversion(std::string_view& rest) {
        std::optional<Value> named;
        if (take(rest, '(')) {
            const size_t close = rest.find(')');
            if (close == std::string_view::npos) fail("incomplete format key");
            if (!mapping_.mapping()) fail("format requires a mapping");
            const Value* found = mapping_.mapping()->find(Value::text(std::string(rest.substr(0, close))));
            if (found == nullptr) fail(fmt::format("KeyError: '{}'", rest.substr(0, close)));
            named = *found;
            rest.remove_prefix(close + 1);
            keyed_ = true;
        }
        Field field;
        flags(rest, field);
        field.width = take_number(rest, kWidest);
        take_precision(rest, field);
        if (rest.empty()) fail("incomplete format");
        const char type = rest[0];
        rest.remove_prefix(1);
        if (type == '%') return "%";
        return shown(type, field, named ? *named : next());
    }

    void expect_all_used() const {
        if (!keyed_ && used_ < values_.size() && !may_hold_more_)
            fail("not all arguments converted during string formatting");
    }

private:
    static void flags(std::string_view& rest, Field& field) {
        for (;;) {
            if (take(rest, '-')) {
                field.align = '<';
            } else if (take(rest, '0')) {
                if (field.align == 0) field.align = '=';
                if (field.align == '=') field.fill = "0";
            } else if (take(rest, '+')) {
                field.sign = '+';
            } else if (take(rest, ' ')) {
                if (field.sign == '-') field.sign = ' ';
            } else if (take(rest, '#')) {
                field.alternate = true;
            } else {
                return;
            }
        }
    }

    const Value& next() {
        if (used_ == values_.size()) fail("not enough arguments for format string");
        return values_[used_++];
    }

    std::string shown(char type, Field field, const Value& v) {
        if (type == 's' || type == 'r' || type == 'a') {
            if (field.align != '<') field.align = '>';
            field.fill = " ";
            return formatted(type == 's' ? Value::text(run_.str(v)) : Value::text(repr(v, run_.meter)), field, run_);
        }
        expect_defined(v);
        const bool whole = std::string_view("diuxXo").find(type) != std::string_view::npos;
        if (!whole && std::string_view("eEfFgG").find(type) == std::string_view::npos)
            fail(fmt::format("unsupported format character '{}'", type));
        if (!v.is_number()) fail(fmt::format("%{} format: a real number is required, not {}", type, type_name(v)));
        field.type = type == 'd' || type == 'i' || type == 'u' ? '\0' : type;
        if (!whole) return formatted(v, field, run_);
        if (v.is<double>() && !(std::fabs(v.number()) < 0x1p63)) fail("cannot convert float to integer");
        return formatted(v.is<double>() ? static_cast<int64_t>(v.number()) : v.integer(), field, run_);
    }

    Runtime& run_;
    const Value& mapping_;
    Values values_;
    size_t used_ = 0;
    bool keyed_ = false;
    bool may_hold_more_ = false;   // whatever has items, tuples aside, counts as a mapping
};

// "name.attribute[key]" of a replacement field.
struct Numbering {
    size_t automatic = 0;   // fields without a number so far
    bool manual = false;    // a field had one
};

Value looked_up(std::string_view path, const Arguments& arguments, Numbering& numbering, Runtime& run) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    std::string_view first = path.substr(0, end);
    path.remove_prefix(end);
    Value v;
    if (first.empty() || (first[0] >= '0' && first[0] <= '9')) {
        if (first.empty() ? numbering.manual : numbering.automatic > 0)
            fail("cannot switch between automatic and manual field numbering");
        numbering.manual = !first.empty();
        const auto place = first.empty() ? numbering.automatic++ : static_cast<size_t>(take_number(first, kWidest));
        if (place >= arguments.positional.size()) fail("Replacement index out of range for positional args tuple");
        v = arguments.positional[place];
    } else {
        const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                        [&](const auto& entry) { return entry.first == first; });
        if (found == arguments.named.end()) fail(fmt::format("KeyError: '{}'", first));
        v = found->second;
    }
    while (!path.empty()) {
        const bool is_item = path[0] == '[';
        path.remove_prefix(1);
        const size_t stop = std::min(is_item ? path.find(']') : path.find_first_of(".["), path.size());
        std::string_view key = path.substr(0, stop);
        path.remove_prefix(std::min(stop + (is_item ? 1 : 0), path.size()));
        const bool is_index = is_item && !key.empty() && key.find_first_not_of("0123456789") == std::string_view::npos;
        v = !is_item   ? run.attribute(v, key)
            : is_index ? run.item(v, int64_t{take_number(key, 1 << 30)})
                       : run.item(v, Value::text(std::string(key)));
    }
    return v;
}

}   // namespace

std::string percent_format(const std::string& pattern, const Value& arguments, Runtime& run) {
    Percent percent(arguments, run);
    std::string out;
    std::string_view rest = pattern;
    while (!rest.empty()) {
        const size_t mark = std::min(rest.find('%'), rest.size());
        run.meter.append(out, rest.substr(0, mark));
        rest.remove_prefix(mark);
        if (take(rest, '%')) run.meter.append(out, percent.conversion(rest));
    }
    percent.expect_all_used();
    return out;
}

std::string brace_format(const std::string& pattern, const Arguments& arguments, Runtime& run) {
    std::string out;
    std::string_view rest = pattern;
    Numbering numbering;
    while (!rest.empty()) {
        const size_t mark = std::min(rest.find_first_of("{}"), rest.size());
        run.meter.append(out, rest.substr(0, mark));
        rest.remove_prefix(mark);
        if (rest.empty()) break;
        const char brace = rest[0];
        rest.remove_prefix(1);
        if (rest.starts_with(brace)) {
            run.meter.append(out, rest.substr(0, 1));
            rest.remove_prefix(1);
            continue;
        }
        const size_t close = rest.find('}');
        if (brace == '}' || close == std::string_view::npos) fail("Single brace encountered in format string");
        std::string_view field = rest.substr(0, close), spec;
        rest.remove_prefix(close + 1);
        if (const size_t colon = field.find(':'); colon != std::string_view::npos) {
            spec = field.substr(colon + 1);
            field = field.substr(0, colon);
        }
        const bool quoted = field.ends_with("!r"), plain = field.ends_with("!s");
        if (quoted || plain) field.remove_suffix(2);
        Value v = looked_up(field, arguments, numbering, run);
        if (quoted) v = Value::text(repr(v, run.meter));
        run.meter.append(out, formatted(v, field_of(spec), run));
    }
    return out;
}

}   // namespace llmft::jinja
