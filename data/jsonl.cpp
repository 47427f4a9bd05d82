#include "data/jsonl.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kChunk = size_t{1} << 16;
constexpr int64_t kDepth = 64;
constexpr int64_t kRowValues = int64_t{1} << 19;   // a value takes 16 bytes, and 24 while a list grows
constexpr int64_t kLargestArrayFile = int64_t{1} << 30;
constexpr std::string_view kWhiteSpace = " \t\n\r";

std::ifstream open(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        throw UserError("MISSING", file.string(), "", "there is no such file", "check the path");
    if (std::filesystem::is_directory(file))
        throw UserError("PATH", file.string(), "", "is a folder", "name a JSONL file in it");
    std::ifstream in(file, std::ios::binary);
    if (!in) throw UserError("MISSING", file.string(), "", "cannot be opened", "check the file's permissions");
    return in;
}

// A file that is one JSON array: its first byte that is not white space is '['. Names ending in .jsonl mean lines.
bool is_array_file(const std::filesystem::path& file) {
    if (file.extension() == ".jsonl") return false;
    std::ifstream in = open(file);
    char c = ' ';
    while (in.get(c) && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
    }
    return in && c == '[';
}

// Where the element of an array that begins at `at` ends: at the comma or bracket behind it, or the end of the text.
// What is no JSON gets some end, too: whoever parses the element refuses it.
size_t element_end(std::string_view text, size_t at) {
    int64_t depth = 0;
    for (bool quoted = false; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted) {
            if (c == '\\') ++at;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (depth > 0) {
            depth -= c == ']' || c == '}';
        } else if (c == ',' || c == ']') {
            return at;
        }
    }
    return text.size();
}

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t\r") == std::string::npos;
}

// Whether the error is a row's that goes on in the next line, as pretty-printed JSON does.
bool is_unfinished(const UserError& error, LineReader& following) {
    if (std::string_view(error.what()).find("unexpected end of input") == std::string_view::npos) return false;
    std::string line;
    while (following.next(line))
        if (!is_blank(line)) return true;
    return false;
}

}   // namespace

LineReader::LineReader(const std::filesystem::path& file, int64_t longest_line)
    : file_(file.string()), longest_(longest_line), in_(open(file)) {}

std::string LineReader::where() const {
    return fmt::format("{}:{}", file_, number_);
}

// One line with its \r, if any; the newline is left out.
bool LineReader::read_bytes(std::string& line) {
    line.clear();
    ++number_;
    while (true) {
        if (at_ == buffer_.size()) {
            buffer_.resize(kChunk);
            in_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
            buffer_.resize(static_cast<size_t>(in_.gcount()));
            at_ = 0;
            if (buffer_.empty()) return !line.empty();
        }
        const size_t newline = buffer_.find('\n', at_);
        line.append(buffer_, at_, std::min(newline, buffer_.size()) - at_);
        if (static_cast<int64_t>(line.size()) > longest_)
            throw UserError("LIMIT", where(), "", fmt::format("the line is longer than {} bytes", longest_),
                            "split the row, or raise --max-line-mib");
        at_ = std::min(newline, buffer_.size());
        if (newline == std::string::npos) continue;
        ++at_;
        return true;
    }
}

bool LineReader::next(std::string& line) {
    if (!read_bytes(line)) return false;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (const size_t nul = line.find('\0'); nul != std::string::npos)
        throw UserError("LIMIT", where(), fmt::format("byte {}", nul), "is NUL", "save the file as UTF-8 text");
    if (const size_t wrong = first_invalid_utf8(line); wrong != std::string::npos)
        throw UserError("ENCODING", where(), fmt::format("byte {}", wrong), "is not UTF-8",
                        "convert the file to UTF-8");
    return true;
}

RowReader::RowReader(const std::filesystem::path& file, int64_t longest_line)
    : file_(file), lines_(file, longest_line), longest_(longest_line) {
    if (!is_array_file(file)) return;
    array_ = read_file(file, kLargestArrayFile);
    at_ = array_->find('[');
}

std::string RowReader::where() const {
    return array_ ? fmt::format("{}: row {}", file_.string(), in_array_ - 1) : lines_.where();
}

// Row by row, so that the file's text and one row are all that is held.
bool RowReader::next_of_array(Json& row) {
    const std::string_view text = *array_;
    const auto skip_space = [&](size_t at) { return std::min(text.find_first_not_of(kWhiteSpace, at), text.size()); };
    const size_t before = at_ < text.size() ? skip_space(at_ + 1) : at_;   // at_: the bracket or comma before the row
    const bool ended = at_ == text.size() || (text[at_] == '[' && before < text.size() && text[before] == ']');
    if (ended) return false;
    const size_t end = element_end(text, before);
    ++in_array_;
    row = parse_json(text.substr(before, end - before), where(), row_limits());
    const bool last = end < text.size() && text[end] == ']';
    if (end == text.size() || (last && skip_space(end + 1) != text.size()))
        throw UserError("SYNTAX", where(), "", last ? "text follows the array" : "the array has no end",
                        "repair the file or fetch it again");
    at_ = last ? text.size() : end;
    return true;
}

JsonLimits RowReader::row_limits() const {
    return {.bytes = longest_, .depth = kDepth, .string_bytes = longest_, .values = kRowValues};
}

bool RowReader::next_value(Json& row) {
    if (array_) return next_of_array(row);
    std::string line;
    while (lines_.next(line)) {
        if (is_blank(line)) {
            ++blank_lines_;
            continue;
        }
        if (line.capacity() > 2 * kChunk) line.shrink_to_fit();   // grown by doubling, maybe to twice its bytes
        const std::string at = where();
        try {
            row = parse_json(line, at, row_limits());
        } catch (const UserError& error) {
            if (is_unfinished(error, lines_))
                throw UserError("SYNTAX", at, "", "the row does not end in its line",
                                "write every row in one line, or call a file that is one array of rows .json");
            throw;
        }
        return true;
    }
    return false;
}

bool RowReader::next(Json& row) {
    if (!next_value(row)) return false;
    if (!row.is_object())
        throw UserError("SCHEMA", where(), "", fmt::format("the row is {}, wanted an object", row.type_name()),
                        row.is_array() && !array_
                            ? "write one {\"text\": \"...\"} a line, or call a file that is one array of rows .json"
                            : "write one {\"text\": \"...\"} a line");
    return true;
}

}   // namespace llmft
