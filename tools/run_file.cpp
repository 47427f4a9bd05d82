#include "tools/run_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "engine/io/quote.h"
#include "engine/log/log.h"
#include "kernels/base/error.h"
#include "tools/unknown_name.h"

// toml++ 3.3 asserts on some malformed files ("[="), and where NDEBUG is set it takes what it asserts for granted. Here
// a broken assertion is an exception in every kind of build.
namespace {
struct TomlAssertion {};
[[noreturn]] void toml_assertion_broken() {
    throw TomlAssertion{};
}
}   // namespace
#undef NDEBUG
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(condition) ((condition) ? void() : toml_assertion_broken())
#include <toml++/toml.h>

namespace llmft {
namespace {

constexpr size_t kLongestFile = size_t{1} << 18;   // its tables take some twenty times that

// Behind the quoted text that begins at `at`, or the end of its line or file.
size_t skip_quotes(std::string_view text, size_t at) {
    const char quote = text[at];
    const std::string block(3, quote);
    const std::string_view close = text.substr(at, text.substr(at, 3) == block ? 3 : 1);
    for (at += close.size(); at < text.size(); ++at) {
        if (text.substr(at, close.size()) == close) {
            at += close.size();
            for (size_t more = 1; more < close.size() && at < text.size() && text[at] == quote; ++more) ++at;
            return at;
        }
        if (close.size() == 1 && text[at] == '\n') return at;
        if (quote == '"' && text[at] == '\\') ++at;
    }
    return text.size();
}

// The first character outside quotes and comments for which `wanted` holds, or npos. A quote opens only where a key or
// a value may begin: elsewhere toml++ takes it for a part of the number or date before it.
template <class Wanted>
size_t find_bare(std::string_view text, Wanted&& wanted) {
    constexpr std::string_view kBeforeQuotes = "\n=[,{.";
    char before = '\n';   // the last one that is no space
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '#') {
            at = std::min(text.find('\n', at), text.size());
        } else if ((c == '"' || c == '\'') && kBeforeQuotes.find(before) != std::string_view::npos) {
            at = skip_quotes(text, at);
            before = c;
        } else {
            if (wanted(c)) return at;
            if (c != ' ' && c != '\t' && c != '\r') before = c;
            ++at;
        }
    }
    return std::string_view::npos;
}

// toml++ 3.3 reaches what it calls unreachable on a byte beyond ASCII that is neither quoted nor in a comment.
size_t find_bare_non_ascii(std::string_view text) {
    return find_bare(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// Where a dotted key has more parts than any that is read: toml++ makes a table in a table of each and takes them down
// by recursion.
size_t find_deep_key(std::string_view text) {
    constexpr int kMostDots = 16;
    int dots = 0;
    return find_bare(text, [&](char c) {
        if (std::string_view("\n,=[{").find(c) != std::string_view::npos) dots = 0;
        return c == '.' && ++dots > kMostDots;
    });
}

void refuse_line(const std::filesystem::path& path, std::string_view text, size_t at, std::string_view what,
                 std::string_view remedy) {
    if (at == std::string_view::npos) return;
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(at), '\n');
    throw UserError("SYNTAX", path.native(), fmt::format("line {}", line), what, remedy);
}

std::string read_text(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw UserError("PATH", path.native(), "", "is a folder, not a run file", "name a .toml file");
    std::ifstream file(path, std::ios::binary);
    if (!file) throw UserError("MISSING", path.native(), "", "cannot be opened", "check the name given to --config");
    std::string text, part(size_t{1} << 12, '\0');
    while (file && text.size() <= kLongestFile) {
        file.read(part.data(), static_cast<std::streamsize>(part.size()));
        text.append(part, 0, static_cast<size_t>(file.gcount()));
    }
    if (text.size() > kLongestFile)
        throw UserError("LIMIT", path.native(), "", "is longer than 256 KiB", "a run file has one line per option");
    if (const size_t at = first_invalid_utf8(text); at != std::string::npos)
        throw UserError("ENCODING", path.native(), fmt::format("byte {}", at), "is not UTF-8",
                        "save the file as UTF-8");
    refuse_line(path, text, find_bare_non_ascii(text), "a character beyond ASCII outside quotes", "put text in quotes");
    refuse_line(path, text, find_deep_key(text), "a key of too many parts",
                "keys are the option names in snake_case, at the top level");
    return text;
}

bool takes_bool(const OptionLimits& limits) {
    const std::vector<std::string> words = split_choices(limits.one_of);
    return std::find(words.begin(), words.end(), "true") != words.end();
}

std::string_view type_name(OptionType type, const OptionLimits& limits) {
    switch (type) {
        case OptionType::kInteger: return "a whole number";
        case OptionType::kNumber: return "a number";
        case OptionType::kBool: return "true or false";
        case OptionType::kText: break;
    }
    return limits.integers ? "text in quotes or a whole number" : "text in quotes";
}

bool fits(const toml::node& value, OptionType type, const OptionLimits& limits) {
    switch (type) {
        case OptionType::kInteger: return value.is_integer();
        case OptionType::kNumber: return value.is_integer() || value.is_floating_point();
        case OptionType::kBool: return value.is_boolean();
        case OptionType::kText: break;
    }
    return value.is_string() || (value.is_boolean() && takes_bool(limits)) || (value.is_integer() && limits.integers);
}

// The element as a part of a comma list; "" where it cannot be one.
std::string part_text(const toml::node& element, const OptionLimits& limits) {
    if (const auto* integer = element.as_integer(); integer != nullptr && limits.integers)
        return std::to_string(integer->get());
    const auto* text = element.as_string();
    return text == nullptr || text->get().find(',') != std::string::npos ? "" : text->get();
}

std::string list_text(const toml::array& list, const OptionLimits& limits, const Place& place) {
    std::string text;
    for (const toml::node& element : list) {
        const std::string part = part_text(element, limits);
        if (part.empty())
            throw UserError("SCHEMA", place.where, place.field,
                            limits.integers ? "a list holds whole numbers, or texts without commas"
                                            : "a list holds texts without commas",
                            limits.integers ? "write [0, 1]" : "write [\"a\", \"b\"]");
        if (!text.empty()) text += ',';
        text += part;
    }
    return text;
}

// The value as a flag would have it.
std::string flag_text(const toml::node& value, OptionType type, const OptionLimits& limits, const Place& place) {
    if (const auto* list = value.as_array(); list != nullptr && type == OptionType::kText)
        return list_text(*list, limits, place);
    if (!fits(value, type, limits)) {
        std::ostringstream kind;
        kind << value.type();
        throw UserError("SCHEMA", place.where, place.field,
                        fmt::format("wants {}, not {}", type_name(type, limits), kind.str()), "see --help");
    }
    if (const auto* text = value.as_string()) return text->get();
    if (const auto* truth = value.as_boolean()) return truth->get() ? "true" : "false";
    if (const auto* integer = value.as_integer()) return std::to_string(integer->get());
    return fmt::format("{}", value.as_floating_point()->get());   // fmt's default is the shortest that reads back
}

[[noreturn]] void refuse_key(const std::string& key, const Place& place, const std::vector<Option>& options) {
    const std::string name = kebab_case(key);
    if (option_comes_later(name))
        throw UserError("EXTRA", place.where, place.field, "this version does not have it yet", "remove the line");
    const std::string meant = meant_option(name, {options.begin() + 1, options.end()});
    throw UserError("EXTRA", place.where, place.field, "unknown key",
                    meant.empty() ? "keys are the option names in snake_case, at the top level"
                                  : fmt::format("did you mean {}?", snake_case(meant)));
}

void set_from(const toml::table& file, const std::string& name, std::vector<Option>& options,
              const std::set<std::string>& others) {
    int passed_over = 0;
    for (const auto& [toml_key, value] : file) {
        const std::string key(toml_key.str());
        const Place place{.where = name, .field = fmt::format("line {}: {}", toml_key.source().begin.line, key)};
        Option* option = nullptr;
        for (size_t i = 1; i < options.size(); ++i)
            if (snake_case(options[i].name) == key) option = &options[i];
        if (option != nullptr)
            set_value(*option, flag_text(value, type_of(*option), option->limits, place), place);
        else if (others.contains(kebab_case(key)) && key == snake_case(key))
            ++passed_over;
        else
            refuse_key(key, place, options);
    }
    if (passed_over > 0) log::note(fmt::format("{}: {} settings of training are passed over", name, passed_over));
}

// toml++ has no kinds of errors; these words of its descriptions say more than "syntax".
[[noreturn]] void refuse_toml(const std::string& name, const toml::parse_error& error) {
    const std::string_view what = error.description();
    const auto says = [&](std::string_view words) { return what.find(words) != std::string_view::npos; };
    const toml::source_position at = error.source().begin;
    const std::string place = fmt::format("line {}, column {}", at.line, at.column);
    if (says("cannot redefine existing"))
        throw UserError("SCHEMA", name, place, what.substr(what.find("cannot redefine")), "set each option once");
    if (says("not representable in 64 bits") || says("could not be interpreted as a value"))
        throw UserError("RANGE", name, place, what, "see --help for the range of each option");
    throw UserError("SYNTAX", name, place, what, "correct the TOML");
}

toml::table parse_file(const std::filesystem::path& path) {
    const std::string text = read_text(path);
    const std::string& name = path.native();
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        refuse_toml(name, error);
    } catch (const TomlAssertion&) {
        throw UserError("SYNTAX", name, "", "is not TOML", "write one line for each option: lora_r = 16");
    }
}

// A TOML basic string.
std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\u{:04x}", byte);
        else
            out += c;
    }
    return out + '"';
}

}   // namespace

void read_run_file(const std::filesystem::path& path, std::vector<Option>& options,
                   const std::set<std::string>& others) {
    set_from(parse_file(path), path.native(), options, others);
}

std::vector<std::pair<std::string, std::string>> run_file_values(const std::filesystem::path& path) {
    std::vector<std::pair<std::string, std::string>> values;
    std::map<toml::source_position, std::pair<std::string, std::string>> by_place;
    for (const auto& [key, value] : parse_file(path)) {
        const std::string name(key.str());
        const OptionType type = value.is_boolean()          ? OptionType::kBool
                                : value.is_integer()        ? OptionType::kInteger
                                : value.is_floating_point() ? OptionType::kNumber
                                                            : OptionType::kText;
        by_place[key.source().begin] = {
            name, flag_text(value, type, {.integers = true}, {.where = path.native(), .field = name})};
    }
    for (auto& [place, pair] : by_place) values.push_back(std::move(pair));
    return values;
}

std::string run_file_text(std::string_view command, const std::vector<Option>& options) {
    std::string text = fmt::format("# llmft {} --config FILE runs this again.\n", command);
    std::string group;
    for (size_t i = 1; i < options.size(); ++i) {
        const Option& option = options[i];
        const auto value = text_of(option);
        if (!value || option.name == "resume") continue;   // where one call began is no setting of the run
        if (option.group != group) text += fmt::format("\n# {}\n", group = option.group);
        text += fmt::format("{} = {}\n", snake_case(option.name),
                            type_of(option) == OptionType::kText ? toml_string(*value) : *value);
    }
    return text;
}

}   // namespace llmft
