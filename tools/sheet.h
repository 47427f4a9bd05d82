// A page of results for a person: labels in a column with their values beside them, and tables with aligned columns.
// Everything may come from outside: control characters are escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llmft {

class Sheet {
public:
    // A line of its own, at the margin.
    void title(std::string_view text);
    // "label  value"; an empty label continues the one above.
    void row(std::string_view label, std::string_view value);
    // Rows of cells below one another, the first row is the head. Columns of numbers are to the right.
    void table(const std::vector<std::vector<std::string>>& rows);
    void blank() { text_ += '\n'; }

    const std::string& text() const { return text_; }

private:
    std::string text_;
};

// "1.5 GiB", "512 MiB", "12 KiB", "7 B".
std::string bytes_text(int64_t bytes);
// "139,399,488".
std::string grouped_digits(int64_t number);
// Code points of a text.
int64_t characters_of(std::string_view text);
// "134.5M", "8.03B": a number of parameters as people say it.
std::string short_count(int64_t number);

}   // namespace llmft
