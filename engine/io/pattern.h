// A regular expression from outside, by PCRE2: bounded in length, steps and depth. Python's `re` and PCRE2 agree on
// what configuration files use.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace llmft {

class Pattern {
public:
    // file and field are for errors: UserError SYNTAX where it is no regular expression, RANGE where it is longer than
    // kMaxBytes.
    Pattern(std::string_view expression, const std::string& file, const std::string& field);

    // As Python's re.fullmatch. Throws UserError LIMIT where a text takes too many steps.
    bool full_match(std::string_view text) const;
    // What group 1 took in the match at the text's beginning (re.match), else nothing: an unset data().
    std::string_view group_at_start(std::string_view text) const;

    static constexpr size_t kMaxBytes = 4096;

private:
    struct Code;
    bool match(std::string_view text, uint32_t options, std::string_view* group) const;

    std::shared_ptr<const Code> code_;
    std::string expression_, file_, field_;
};

}   // namespace llmft
