// Rows of JSON: one object a line, or (in a file that is not named .jsonl) one array of objects. Everything that is
// wrong with a row is one UserError at FILE:LINE.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "engine/io/json.h"

namespace llmft {

// Lines of a file, without their ends (\n or \r\n). Takes no more memory than the longest allowed line.
class LineReader {
public:
    LineReader(const std::filesystem::path& file, int64_t longest_line);
    // False at the end. A line that is too long or has a NUL byte is refused (LIMIT), one that is not UTF-8,
    // ENCODING.
    bool next(std::string& line);
    int64_t number() const { return number_; }   // of the last line, from 1
    std::string where() const;                   // "FILE:LINE"

private:
    bool read_bytes(std::string& line);

    std::string file_;
    int64_t longest_;
    std::ifstream in_;
    std::string buffer_;
    size_t at_ = 0;
    int64_t number_ = 0;
};

class RowReader {
public:
    RowReader(const std::filesystem::path& file, int64_t longest_line);
    // The next row, an object; false at the end. Blank lines are passed over and counted.
    bool next(Json& row);
    std::string where() const;   // of the last row: "FILE:LINE", or "FILE: row N" in an array
    int64_t blank_lines() const { return blank_lines_; }

private:
    bool next_value(Json& row);
    bool next_of_array(Json& row);
    JsonLimits row_limits() const;

    std::filesystem::path file_;
    LineReader lines_;
    int64_t longest_;
    std::optional<std::string> array_;   // the text of a file that is one array
    size_t at_ = 0;                      // in it, behind the last row
    int64_t in_array_ = 0, blank_lines_ = 0;
};

}   // namespace llmft
