#include "tools/option.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

template <class T>
OptionType type_of_target(const T*) {
    if constexpr (std::is_same_v<T, int64_t>) return OptionType::kInteger;
    if constexpr (std::is_same_v<T, double>) return OptionType::kNumber;
    if constexpr (std::is_same_v<T, bool>) return OptionType::kBool;
    return OptionType::kText;
}
template <class T>
OptionType type_of_target(const std::optional<T>*) {
    return type_of_target(static_cast<const T*>(nullptr));
}

std::string print(int64_t value) {
    return std::to_string(value);
}
std::string print(bool value) {
    return value ? "true" : "false";
}
std::string print(const std::string& value) {
    return value;
}
std::string print(double value) {
    return fmt::format("{}", value);   // the shortest that reads back as the same double
}

[[noreturn]] void refuse(const std::string& kind, const Place& place, std::string_view text, std::string_view what,
                         std::string_view remedy) {
    throw UserError(kind, place.where, place.field, fmt::format("\"{}\": {}", text, what), remedy);
}

std::string wanted(const OptionLimits& limits) {
    std::vector<std::string> parts;
    if (limits.at_least) parts.push_back("at least " + print(*limits.at_least));
    if (limits.above) parts.push_back("more than " + print(*limits.above));
    if (limits.at_most) parts.push_back("at most " + print(*limits.at_most));
    if (limits.below) parts.push_back("less than " + print(*limits.below));
    return fmt::format("give a value of {}", fmt::join(parts, " and "));
}

void check_limits(double value, const OptionLimits& limits, std::string_view text, const Place& place) {
    const bool inside = (!limits.at_least || value >= *limits.at_least) && (!limits.above || value > *limits.above) &&
                        (!limits.at_most || value <= *limits.at_most) && (!limits.below || value < *limits.below);
    if (!inside) refuse("RANGE", place, text, "out of range", wanted(limits));
}

template <class T>
T number(std::string_view text, const Place& place, std::string_view what, std::string_view remedy) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || error == std::errc::invalid_argument)
        refuse("VALUE", place, text, what, remedy);
    if (error == std::errc::result_out_of_range)
        refuse("RANGE", place, text, "too large or too small to be held", remedy);
    return value;
}

void parse(int64_t& value, const Option& option, std::string_view text, const Place& place) {
    const auto read = number<int64_t>(text, place, "not a whole number", "write digits only, such as 16");
    check_limits(static_cast<double>(read), option.limits, text, place);
    value = read;
}

void parse(double& value, const Option& option, std::string_view text, const Place& place) {
    const auto read = number<double>(text, place, "not a number", "write it as 0.0002 or 2e-4");
    if (!std::isfinite(read)) refuse("VALUE", place, text, "not a finite number", "write it as 0.0002 or 2e-4");
    check_limits(read, option.limits, text, place);
    value = read;
}

void parse(bool& value, const Option&, std::string_view text, const Place& place) {
    if (text != "true" && text != "false")
        refuse("VALUE", place, text, "neither true nor false", "write true or false");
    value = text == "true";
}

bool is_among(std::string_view choices, std::string_view text) {
    const std::vector<std::string> all = split_choices(choices);
    return std::find(all.begin(), all.end(), text) != all.end();
}

void expect_among(std::string_view choices, const OptionLimits& limits, std::string_view text, const Place& place) {
    if (is_among(choices, text) || is_among(limits.unlisted, text)) return;
    if (is_among(limits.later, text))
        refuse("VALUE", place, text, "this version does not have it yet", fmt::format("use {}", choices));
    const std::string near = nearest(text, split_choices(choices));
    refuse("VALUE", place, text, fmt::format("not one of {}", choices),
           near.empty() ? "choose one of these" : fmt::format("did you mean {}?", near));
}

void parse(std::string& value, const Option& option, std::string_view text, const Place& place) {
    if (first_invalid_utf8(text) != std::string_view::npos || text.find('\0') != std::string_view::npos)
        refuse("ENCODING", place, text, "not valid UTF-8 text", "rename the file or correct the text");
    const OptionLimits& limits = option.limits;
    if (!limits.one_of.empty()) expect_among(limits.one_of, limits, text, place);
    if (!limits.list_of.empty()) {
        const std::vector<std::string> items = split_choices(text, ',');
        for (const std::string& item : items) expect_among(limits.list_of, limits, item, place);
        if (items.empty()) expect_among(limits.list_of, limits, "", place);
    }
    value = text;
}

template <class T>
void parse(std::optional<T>& value, const Option& option, std::string_view text, const Place& place) {
    T read{};
    parse(read, option, text, place);
    value = std::move(read);
}

template <class T>
std::optional<std::string> print_target(const T& value) {
    return print(value);
}
template <class T>
std::optional<std::string> print_target(const std::optional<T>& value) {
    return value ? std::optional(print(*value)) : std::nullopt;
}

// Edit distance with swaps of neighbours (optimal string alignment).
size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
        for (size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a.size()][b.size()];
}

}   // namespace

OptionType type_of(const Option& option) {
    return std::visit([](const auto* target) { return type_of_target(target); }, option.target);
}

std::string placeholder(const Option& option) {
    switch (type_of(option)) {
        case OptionType::kInteger: return "N";
        case OptionType::kNumber: return "X";
        case OptionType::kBool: return "true|false";
        case OptionType::kText: break;
    }
    const OptionLimits& limits = option.limits;
    if (!limits.list_of.empty()) return fmt::format("{},...", limits.list_of);
    if (!limits.words.empty()) return fmt::format("{}|PATH", limits.words);
    return limits.one_of.empty() ? "TEXT" : std::string(limits.one_of);
}

std::vector<std::string> choices(const Option& option) {
    const OptionLimits& limits = option.limits;
    if (type_of(option) == OptionType::kBool) return {"true", "false"};
    return split_choices(!limits.list_of.empty() ? limits.list_of
                         : !limits.words.empty() ? limits.words
                                                 : limits.one_of);
}

std::optional<std::string> text_of(const Option& option) {
    return std::visit([](const auto* target) { return print_target(*target); }, option.target);
}

void set_value(Option& option, std::string_view text, const Place& place) {
    std::visit([&](auto* target) { parse(*target, option, text, place); }, option.target);
    option.given = true;
}

std::vector<std::string> split_choices(std::string_view choices, char between) {
    std::vector<std::string> all;
    if (choices.empty()) return all;
    for (size_t at = 0; at <= choices.size(); at = std::min(choices.find(between, at), choices.size()) + 1)
        all.emplace_back(choices.substr(at, choices.find(between, at) - at));
    return all;
}

std::string snake_case(std::string_view name) {
    std::string snake(name);
    std::replace(snake.begin(), snake.end(), '-', '_');
    return snake;
}

std::string kebab_case(std::string_view name) {
    std::string kebab(name);
    std::replace(kebab.begin(), kebab.end(), '_', '-');
    return kebab;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    constexpr size_t kLongestWord = 100;   // bounds the work on hostile input; no name is that long
    if (word.size() > kLongestWord) return "";
    std::string best;
    size_t fewest = std::max<size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const size_t count = edits(word, candidate);
        if (count < fewest && count < std::max(word.size(), candidate.size())) {
            fewest = count;
            best = candidate;
        }
    }
    return best;
}

}   // namespace llmft
