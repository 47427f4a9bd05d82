// One option: what it is called, where its value is kept, which values it takes. Option structs live beside what they
// configure and list their members once,
//
//   template <class V> void visit(V&& v) {
//       v.group("schedule");
//       v("learning-rate", learning_rate, "peak learning rate", {.above = 0});
//       v("lr-scheduler-type", scheduler, "shape of the decay", {.one_of = "cosine|linear|constant"});
//   }
//
// and parsing, help, run files and printing (tools/flags.h, tools/run_file.h) all work on the table this makes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace llmft {

// Where the value is kept. An optional that holds nothing is an option that was not given and has no fixed default.
using OptionTarget = std::variant<int64_t*, double*, bool*, std::string*, std::optional<int64_t>*,
                                  std::optional<double>*, std::optional<bool>*, std::optional<std::string>*>;

// Which values it takes, checked when they are set, and where they count. Bounds are for numbers. Text is one_of a few,
// a list_of a few, or free, with `words` that have a meaning of their own.
struct OptionLimits {
    std::optional<double> at_least = {};
    std::optional<double> above = {};
    std::optional<double> at_most = {};
    std::optional<double> below = {};
    std::string_view one_of = {};     // "lora|full"
    std::string_view list_of = {};    // "jsonl|html": some of these, with commas between
    std::string_view words = {};      // "auto|never"; other text is taken too
    std::string_view unlisted = {};   // taken beside one_of and offered nowhere: who uses the value may refuse it
    std::string_view later = {};      // what this version does not have yet, and refuses as that
    bool integers = false;            // of text: a run file may hold a whole number, or a list of them
    std::string_view needs = {};      // "method=lora|qlora": has no effect where that option has another value
    bool of_this_call = false;        // no setting of the run: not written into its run file
};

enum class OptionType : uint8_t { kInteger, kNumber, kBool, kText };

struct Option {
    std::string name;   // kebab-case, without dashes
    std::string group;
    std::string help;
    OptionTarget target;
    OptionLimits limits = {};
    std::string default_text = {};   // empty where there is none
    bool given = false;              // by a flag or a run file
};

// Where a value was written, for errors: {"--lora-r", ""} or {"run.toml", "line 3: lora_r"}.
struct Place {
    std::string where;
    std::string field;
};

OptionType type_of(const Option& option);
// "N", "X", "true|false", "TEXT", or the values it can have: "cpu|cuda", "jsonl|html,...", "auto|never|PATH".
std::string placeholder(const Option& option);
// The values to offer; none for a number and for text without words.
std::vector<std::string> choices(const Option& option);
// The value, or nothing for an optional that is not set. A double has the fewest digits that read back as it.
std::optional<std::string> text_of(const Option& option);

// Sets the value; a number has to be the whole of `text`, text has to be UTF-8 without NUL. Throws UserError (VALUE,
// RANGE, ENCODING) that names the place, and the nearest value where it is one of a few.
void set_value(Option& option, std::string_view text, const Place& place);

// "a|b" → a, b; nothing of "".
std::vector<std::string> split_choices(std::string_view choices, char between = '|');

std::string snake_case(std::string_view name);   // "lora-r" → "lora_r"
std::string kebab_case(std::string_view name);   // "lora_r" → "lora-r"

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`, or "" where all are
// far: a third of its letters and more.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}   // namespace llmft
