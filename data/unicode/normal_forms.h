// Unicode's normal forms (UAX 15), of Unicode 9 as the tokenizers library has them: characters that came later stay as
// they are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace llmft::unicode {

enum class NormalForm : uint8_t { kNfc, kNfd, kNfkc, kNfkd };

// A character of a changed text, and how it follows from the text before: 1 is one more, put in; 0 stands for the
// next one; −n for the next one and n behind it.
struct ChangedCharacter {
    char32_t code;
    int32_t change;
};

// Whether the form surely leaves `text` (valid UTF-8) as it is.
bool is_surely_normal(std::string_view text, NormalForm form);

// The characters of `text` in this form.
std::vector<ChangedCharacter> normal_form(std::string_view text, NormalForm form);

}   // namespace llmft::unicode
