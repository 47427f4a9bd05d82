// A regular expression from outside, by PCRE2: bounded in length, steps and depth. Python's `re` and PCRE2 agree on
// what configuration files use.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace llmft {

class Pattern {
public:
    // file and field are for errors: UserError SYNTAX where it is no regular expression, RANGE where it is longer than
    // kMaxBytes.
    Pattern(std::string_view expression, const std::string& file, const std::string& field);

    // One whose lines begin and end at ^ and $, compiled to machine code for searching. `rewritten` is what PCRE2 gets
    // in the expression's place, of any length.
    static Pattern for_search(std::string_view expression, std::string_view rewritten, const std::string& file,
                              const std::string& field);

    // As Python's re.fullmatch. Throws UserError LIMIT where a text takes too many steps.
    bool full_match(std::string_view text) const;
    // What group 1 took in the match at the text's beginning (re.match), else nothing: an unset data().
    std::string_view group_at_start(std::string_view text) const;

    // Calls take(begin, end) for every match in `text` (valid UTF-8) from left to right, without overlaps; one of
    // nothing does not follow another at its end. Errors as above.
    void find_all(std::string_view text, const std::function<void(size_t, size_t)>& take) const;

    static constexpr size_t kMaxBytes = 4096;

private:
    struct Code;
    class Found;
    Pattern() = default;
    void compile(std::string_view text, uint32_t options);
    bool match(std::string_view text, size_t from, uint32_t options, Found& found) const;

    std::shared_ptr<const Code> code_;
    std::string expression_, file_, field_;
};

}   // namespace llmft
