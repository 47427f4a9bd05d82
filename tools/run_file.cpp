#include "tools/run_file.h"

#include <fmt/format.h>

#include <fstream>

#include "data/unicode/utf8.h"
#include "kernels/base/error.h"

// toml++ 3.3 asserts on some malformed files ("[="), and where NDEBUG is set it takes what it asserts for granted. Here
// a broken assertion is an exception in every kind of build.
namespace {
struct TomlAssertion {};
[[noreturn]] void toml_assertion_broken() {
    throw TomlAssertion{};
}
}   // namespace
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : toml_assertion_broken())
#include <toml++/toml.h>

namespace llmft {
namespace {

constexpr size_t kLongestFile = size_t{1} << 20;

std::string read_text(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw UserError("PATH", path.native(), "", "is a folder, not a run file", "name a .toml file");
    std::ifstream file(path, std::ios::binary);
    if (!file) throw UserError("MISSING", path.native(), "", "cannot be opened", "check the name given to --config");
    std::string text(kLongestFile + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kLongestFile)
        throw UserError("LIMIT", path.native(), "", "is longer than 1 MiB", "a run file has one line per option");
    if (const size_t at = unicode::find_invalid_utf8(text); at != std::string::npos)
        throw UserError("ENCODING", path.native(), fmt::format("byte {}", at), "is not UTF-8",
                        "save the file as UTF-8");
    return text;
}

std::string_view type_name(OptionType type) {
    switch (type) {
        case OptionType::kInteger: return "a whole number";
        case OptionType::kNumber: return "a number";
        case OptionType::kBool: return "true or false";
        case OptionType::kText: break;
    }
    return "text in quotes";
}

bool fits(const toml::node& value, OptionType type) {
    switch (type) {
        case OptionType::kInteger: return value.is_integer();
        case OptionType::kNumber: return value.is_integer() || value.is_floating_point();
        case OptionType::kBool: return value.is_boolean();
        case OptionType::kText: break;
    }
    return value.is_string();
}

std::string list_text(const toml::array& list, const Place& place) {
    std::string text;
    for (const toml::node& element : list) {
        const auto* part = element.as_string();
        if (part == nullptr || part->get().empty() || part->get().find(',') != std::string::npos)
            throw UserError("SCHEMA", place.where, place.field, "a list holds texts without commas",
                            "write [\"a\", \"b\"]");
        if (!text.empty()) text += ',';
        text += part->get();
    }
    return text;
}

// The value as a flag would have it.
std::string flag_text(const toml::node& value, OptionType type, const Place& place) {
    if (const auto* list = value.as_array(); list != nullptr && type == OptionType::kText)
        return list_text(*list, place);
    if (!fits(value, type)) {
        std::ostringstream kind;
        kind << value.type();
        throw UserError("SCHEMA", place.where, place.field,
                        fmt::format("wants {}, not {}", type_name(type), kind.str()), "see --help");
    }
    if (const auto* text = value.as_string()) return text->get();
    if (const auto* truth = value.as_boolean()) return truth->get() ? "true" : "false";
    if (const auto* integer = value.as_integer()) return std::to_string(integer->get());
    return fmt::format("{}", value.as_floating_point()->get());   // fmt's default is the shortest that reads back
}

[[noreturn]] void refuse_key(const std::string& key, const Place& place, const std::vector<Option>& options) {
    std::vector<std::string> keys;
    for (size_t i = 1; i < options.size(); ++i) keys.push_back(snake_case(options[i].name));
    const std::string near = nearest(snake_case(key), keys);
    throw UserError("EXTRA", place.where, place.field, "unknown key",
                    near.empty() ? "keys are the option names in snake_case, at the top level"
                                 : fmt::format("did you mean {}?", near));
}

void set_from(const toml::table& file, const std::string& name, std::vector<Option>& options) {
    for (const auto& [toml_key, value] : file) {
        const std::string key(toml_key.str());
        const Place place{.where = name, .field = fmt::format("line {}: {}", toml_key.source().begin.line, key)};
        Option* option = nullptr;
        for (size_t i = 1; i < options.size(); ++i)
            if (snake_case(options[i].name) == key) option = &options[i];
        if (option == nullptr) refuse_key(key, place, options);
        set_value(*option, flag_text(value, type_of(*option), place), place);
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

void read_run_file(const std::filesystem::path& path, std::vector<Option>& options) {
    const std::string text = read_text(path);
    const std::string& name = path.native();
    toml::table file;
    try {
        file = toml::parse(text);
    } catch (const toml::parse_error& error) {
        throw UserError("SYNTAX", name,
                        fmt::format("line {}, column {}", error.source().begin.line, error.source().begin.column),
                        error.description(), "correct the TOML");
    } catch (const TomlAssertion&) {
        throw UserError("SYNTAX", name, "", "is not TOML", "write one line for each option: lora_r = 16");
    }
    set_from(file, name, options);
}

std::string run_file_text(std::string_view command, const std::vector<Option>& options) {
    std::string text = fmt::format("# llmft {} --config FILE runs this again.\n", command);
    std::string group;
    for (size_t i = 1; i < options.size(); ++i) {
        const Option& option = options[i];
        const auto value = text_of(option);
        if (!value) continue;
        if (option.group != group) text += fmt::format("\n# {}\n", group = option.group);
        text += fmt::format("{} = {}\n", snake_case(option.name),
                            type_of(option) == OptionType::kText ? toml_string(*value) : *value);
    }
    return text;
}

}   // namespace llmft
