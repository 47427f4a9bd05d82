#include "data/template/text_methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/template/characters.h"
#include "data/template/format.h"
#include "data/template/operators.h"
#include "data/template/runtime.h"
#include "data/template/table.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

std::string_view of(const Value& self) {
    return *self.string();
}

Value texts_like(const Value& self, const std::vector<std::string_view>& parts, Runtime& run) {
    Values items;
    for (const std::string_view part : parts) items.push_back(text_like(self, std::string(part), run));
    return run.list(std::move(items));
}

template <Side side>
Value strip(Runtime& run, const Value& self, Given& given) {
    std::optional<std::string_view> set;
    if (given.has(0) && !given.value(0).is<None>()) set = given.text(0);
    return text_like(self, std::string(stripped(of(self), side, set)), run);
}

template <unicode::Case to>
Value change_case(Runtime& run, const Value& self, Given&) {
    return text_like(self, in_case(of(self), to), run);
}

Value capitalize(Runtime& run, const Value& self, Given&) {
    return text_like(self, capitalized(of(self)), run);
}

bool is_letter(char32_t code) {
    return (unicode::classes_of(code) & unicode::kLetter) != 0;
}

// A letter behind a letter is lower, any other one upper.
Value title(Runtime& run, const Value& self, Given&) {
    std::string out;
    bool inside = false;
    for (size_t at = 0; at < of(self).size();) {
        const auto [code, bytes] = unicode::decode_utf8(of(self), at);
        at += bytes;
        unicode::append_in_case(out, code, inside ? unicode::Case::kLower : unicode::Case::kTitle);
        inside = is_letter(code);
    }
    return text_like(self, std::move(out), run);
}

// The last place, by a search that may look at everything for every place.
size_t find_last(std::string_view text, std::string_view what, Meter& meter) {
    meter.take(static_cast<int64_t>((text.size() / 64 + 1) * (what.size() / 64 + 1)));
    return text.rfind(what);
}

// Pieces between runs of white space; beyond `most` cuts the rest stays whole.
std::vector<std::string_view> split_at_space(std::string_view text, int64_t most) {
    std::vector<std::string_view> parts;
    text.remove_prefix(leading_space(text));
    while (!text.empty()) {
        if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
            parts.push_back(text);
            break;
        }
        size_t end = 0;
        while (end < text.size()) {
            const unicode::CodePoint point = unicode::decode_utf8(text, end);
            if (is_space(point.value)) break;
            end += point.bytes;
        }
        parts.push_back(text.substr(0, end));
        text.remove_prefix(end);
        text.remove_prefix(leading_space(text));
    }
    return parts;
}

Value split(Runtime& run, const Value& self, Given& given) {
    const int64_t most = given.integer_or(1, -1);
    if (!given.has(0) || given.value(0).is<None>()) return texts_like(self, split_at_space(of(self), most), run);
    const std::string& separator = given.text(0);
    if (separator.empty()) fail("empty separator");
    std::vector<std::string_view> parts;
    std::string_view rest = of(self);
    for (size_t at;
         (most < 0 || static_cast<int64_t>(parts.size()) < most) && (at = find_text(rest, separator)) != kNone;) {
        parts.push_back(rest.substr(0, at));
        rest.remove_prefix(at + separator.size());
    }
    parts.push_back(rest);
    return texts_like(self, parts, run);
}

Value rsplit(Runtime& run, const Value& self, Given& given) {
    const int64_t most = given.integer_or(1, -1);
    if (most < 0) return split(run, self, given);
    const bool at_space = !given.has(0) || given.value(0).is<None>();
    std::vector<std::string_view> parts;
    std::string_view rest = at_space ? stripped(of(self), Side::kRight) : of(self);
    while (static_cast<int64_t>(parts.size()) < most) {
        size_t at = kNone, wide = 0;
        if (at_space) {
            size_t begin = rest.size();
            for (size_t i = rest.size(); i-- > 0;) {
                if ((static_cast<unsigned char>(rest[i]) & 0xc0) == 0x80) continue;
                if (is_space(unicode::decode_utf8(rest, i).value)) break;
                begin = i;
            }
            if (begin > 0) at = begin;
        } else {
            if (given.text(0).empty()) fail("empty separator");
            at = find_last(rest, given.text(0), run.meter);
            wide = given.text(0).size();
        }
        if (at == kNone) break;
        parts.push_back(rest.substr(at + wide));
        rest = at_space ? stripped(rest.substr(0, at), Side::kRight) : rest.substr(0, at);
    }
    if (!at_space || !rest.empty()) parts.push_back(at_space ? stripped(rest, Side::kLeft) : rest);
    std::reverse(parts.begin(), parts.end());
    return texts_like(self, parts, run);
}

Value splitlines(Runtime& run, const Value& self, Given& given) {
    const bool keep = given.truth_or(0, false);
    std::vector<std::string_view> lines;
    std::string_view rest = of(self);
    while (!rest.empty()) {
        const size_t end = rest.find_first_of("\n\r");
        const size_t mark = end == kNone ? 0 : rest.substr(end).starts_with("\r\n") ? 2 : 1;
        const size_t stop = std::min(end, rest.size());
        lines.push_back(rest.substr(0, stop + (keep ? mark : 0)));
        rest.remove_prefix(stop + mark);
    }
    return texts_like(self, lines, run);
}

// self[start:end] of the arguments from `first` on.
Value part_of(const Value& self, const Given& given, size_t first, Runtime& run) {
    const auto bound = [&](size_t i) { return given.has(i) ? &given.value(i) : nullptr; };
    if (!bound(first) && !bound(first + 1)) return self;
    return sliced(self, bound(first), bound(first + 1), nullptr, run);
}

// A text or a tuple of texts, one of which the part of `self` that is looked at begins or ends with.
template <Side side>
Value touches(Runtime& run, const Value& self, Given& given) {
    const Value part = part_of(self, given, 1, run);
    const Sequence* several = given.value(0).sequence();
    const Values options = several ? several->items : Values{given.value(0)};
    return std::any_of(options.begin(), options.end(), [&](const Value& option) {
        if (!option.string())
            fail(fmt::format("{} first arg must be str or a tuple of str, not {}",
                             side == Side::kLeft ? "startswith" : "endswith", type_name(option)));
        return side == Side::kLeft ? of(part).starts_with(of(option)) : of(part).ends_with(of(option));
    });
}

enum class Absent : uint8_t { kMinusOne, kError };
template <Side side, Absent absent>
Value find(Runtime& run, const Value& self, Given& given) {
    const Value part = part_of(self, given, 1, run);
    const size_t at =
        side == Side::kLeft ? find_text(of(part), given.text(0)) : find_last(of(part), given.text(0), run.meter);
    if (at == kNone && absent == Absent::kError) fail("substring not found");
    if (at == kNone) return int64_t{-1};
    int64_t start = given.integer_or(1, 0);
    if (start < 0) start = std::max<int64_t>(0, start + run.length(self));
    return start + character_count(of(part).substr(0, at));
}

Value count(Runtime& run, const Value& self, Given& given) {
    const std::string& what = given.text(0);
    if (what.empty()) return run.length(self) + 1;
    int64_t found = 0;
    for (size_t at = 0; (at = find_text(of(self), what, at)) != kNone; at += what.size()) ++found;
    return found;
}

Value replace(Runtime& run, const Value& self, Given& given) {
    return text_like(self, replaced(of(self), given.text(0), given.text(1), given.integer_or(2, -1), run.meter), run);
}

Value join(Runtime& run, const Value& self, Given& given) {
    std::string out;
    bool first = true;
    for (const Value& v : run.items(given.value(0))) {
        if (!v.string()) fail(fmt::format("sequence item: expected str instance, {} found", type_name(v)));
        if (!first) run.meter.append(out, of(self));
        first = false;
        run.meter.append(out, *v.string());
    }
    return text_like(self, std::move(out), run);
}

Value format(Runtime& run, const Value& self, Given& given) {
    return text_like(self, brace_format(*self.string(), given.all(), run), run);
}

template <Side side>
Value without(Runtime& run, const Value& self, Given& given) {
    std::string_view text = of(self);
    const std::string& part = given.text(0);
    if (side == Side::kLeft && text.starts_with(part)) text.remove_prefix(part.size());
    if (side == Side::kRight && text.ends_with(part)) text.remove_suffix(part.size());
    return text_like(self, std::string(text), run);
}

template <Side side>
Value partition(Runtime& run, const Value& self, Given& given) {
    const std::string& separator = given.text(0);
    if (separator.empty()) fail("empty separator");
    const std::string_view text = of(self);
    const size_t at = side == Side::kLeft ? find_text(text, separator) : find_last(text, separator, run.meter);
    std::string_view parts[3] = {text, "", ""};
    if (at != kNone) {
        parts[0] = text.substr(0, at);
        parts[1] = separator;
        parts[2] = text.substr(at + separator.size());
    } else if (side == Side::kRight) {
        std::swap(parts[0], parts[2]);
    }
    Values items;
    for (const std::string_view part : parts) items.push_back(text_like(self, std::string(part), run));
    return run.tuple(std::move(items));
}

// Padded to a width: kLeft stands left.
template <Side side>
Value justify(Runtime& run, const Value& self, Given& given) {
    const int64_t missing = given.integer_or(0, 0) - run.length(self);
    const std::string fill = given.text_or(1, " ");
    if (character_count(fill) != 1) fail("The fill character must be exactly one character long");
    if (missing <= 0) return self;
    run.meter.grow(of(self).size(), static_cast<size_t>(std::min(missing, kLongestText + 1)) * fill.size());
    const int64_t width = given.integer_or(0, 0);
    const int64_t before = side == Side::kLeft    ? 0
                           : side == Side::kRight ? missing
                                                  : missing / 2 + (missing & width & 1);
    std::string out;
    for (int64_t i = 0; i < before; ++i) out += fill;
    out += of(self);
    for (int64_t i = before; i < missing; ++i) out += fill;
    return text_like(self, std::move(out), run);
}

Value zfill(Runtime& run, const Value& self, Given& given) {
    const int64_t missing = given.integer_or(0, 0) - run.length(self);
    if (missing <= 0) return self;
    run.meter.grow(of(self).size(), static_cast<size_t>(missing));
    const size_t sign = of(self).starts_with('-') || of(self).starts_with('+') ? 1 : 0;
    std::string out(of(self));
    return text_like(self, out.insert(sign, static_cast<size_t>(missing), '0'), run);
}

// Whether there are characters and every one has a class.
template <int classes>
Value all_of_class(Runtime&, const Value& self, Given&) {
    for (size_t at = 0; at < of(self).size();) {
        const unicode::CodePoint point = unicode::decode_utf8(of(self), at);
        const bool has =
            classes == unicode::kSpace ? is_space(point.value) : (unicode::classes_of(point.value) & classes) != 0;
        if (!has) return false;
        at += point.bytes;
    }
    return !of(self).empty();
}

template <unicode::Case to>
Value is_case(Runtime&, const Value& self, Given&) {
    // Some character has case, and none has the other one.
    constexpr auto kOther = to == unicode::Case::kLower ? unicode::Case::kUpper : unicode::Case::kLower;
    return in_case(of(self), to) == of(self) && in_case(of(self), kOther) != of(self);
}

Value isascii(Runtime&, const Value& self, Given&) {
    return std::all_of(of(self).begin(), of(self).end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

constexpr int kAlnum = unicode::kLetter | unicode::kNumber;

constexpr Builtin kMethods[] = {
    {"capitalize", "/", capitalize},
    {"center", "/ width fillchar?", justify<Side::kBoth>},
    {"count", "/ sub", count},
    {"endswith", "/ suffix start? end?", touches<Side::kRight>},
    {"find", "/ sub start? end?", find<Side::kLeft, Absent::kMinusOne>},
    {"format", "*", format},
    {"index", "/ sub start? end?", find<Side::kLeft, Absent::kError>},
    {"isalnum", "/", all_of_class<kAlnum>},
    {"isalpha", "/", all_of_class<unicode::kLetter>},
    {"isascii", "/", isascii},
    {"isdecimal", "/", all_of_class<unicode::kNumber>},
    {"isdigit", "/", all_of_class<unicode::kNumber>},
    {"islower", "/", is_case<unicode::Case::kLower>},
    {"isnumeric", "/", all_of_class<unicode::kNumber>},
    {"isspace", "/", all_of_class<unicode::kSpace>},
    {"isupper", "/", is_case<unicode::Case::kUpper>},
    {"join", "/ iterable", join},
    {"ljust", "/ width fillchar?", justify<Side::kLeft>},
    {"lower", "/", change_case<unicode::Case::kLower>},
    {"lstrip", "/ chars?", strip<Side::kLeft>},
    {"partition", "/ sep", partition<Side::kLeft>},
    {"removeprefix", "/ prefix", without<Side::kLeft>},
    {"removesuffix", "/ suffix", without<Side::kRight>},
    {"replace", "/ old new count?", replace},
    {"rfind", "/ sub start? end?", find<Side::kRight, Absent::kMinusOne>},
    {"rindex", "/ sub start? end?", find<Side::kRight, Absent::kError>},
    {"rjust", "/ width fillchar?", justify<Side::kRight>},
    {"rpartition", "/ sep", partition<Side::kRight>},
    {"rsplit", "sep? maxsplit?", rsplit},
    {"rstrip", "/ chars?", strip<Side::kRight>},
    {"split", "sep? maxsplit?", split},
    {"splitlines", "keepends?", splitlines},
    {"startswith", "/ prefix start? end?", touches<Side::kLeft>},
    {"strip", "/ chars?", strip<Side::kBoth>},
    {"title", "/", title},
    {"upper", "/", change_case<unicode::Case::kUpper>},
    {"zfill", "/ width", zfill},
};

}   // namespace

std::string replaced(std::string_view text, std::string_view old, std::string_view by, int64_t count, Meter& meter) {
    std::string out;
    meter.take(static_cast<int64_t>(text.size() / 16));
    while (count != 0) {
        if (old.empty()) {   // between all characters, and at both ends
            meter.append(out, by);
            if (text.empty()) break;
            const size_t one = offset_of(text.substr(0, 4), 1);
            meter.append(out, text.substr(0, one));
            text.remove_prefix(one);
        } else {
            const size_t at = find_text(text, old);
            if (at == kNone) break;
            meter.append(out, text.substr(0, at));
            meter.append(out, by);
            text.remove_prefix(at + old.size());
        }
        --count;
    }
    meter.append(out, text);
    return out;
}

Value text_like(const Value& self, std::string text, Runtime& run) {
    return run.text(std::move(text), self.is<Text>() && self.get<Text>()->safe);
}

const Builtin* find_text_method(std::string_view name) {
    return find_in(kMethods, name);
}

}   // namespace llmft::jinja
