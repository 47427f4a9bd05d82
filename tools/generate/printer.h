// Prints a text while it is made: what the next token may still change, an unfinished character, waits.
#pragma once

#include <string>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace llmft {

class TextPrinter {
public:
    explicit TextPrinter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
    void add(int32_t id);
    void finish();   // the rest, and a newline

private:
    void print(std::string_view text);

    const Tokenizer& tokenizer_;
    std::vector<int32_t> ids_;
    size_t begin_ = 0, shown_ = 0;   // ids from begin_ are decoded anew, those before shown_ are on the screen
    size_t printed_ = 0;             // bytes
};

}   // namespace llmft
