#include "data/jsonl.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kChunk = size_t{1} << 18;
constexpr int64_t kDepth = 64;
constexpr int64_t kRowValues = int64_t{1} << 22;
constexpr int64_t kLargestArrayFile = int64_t{1} << 30, kArrayValues = int64_t{1} << 26;

std::ifstream open(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        throw UserError("MISSING", file.string(), "", "there is no such file", "check the path");
    if (std::filesystem::is_directory(file))
        throw UserError("PATH", file.string(), "", "is a folder", "name a JSONL file in it");
    std::ifstream in(file, std::ios::binary);
    if (!in) throw UserError("PATH", file.string(), "", "cannot be opened", "check its permissions");
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

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t\r") == std::string::npos;
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
    array_ = parse_json_file(
        file, {.bytes = kLargestArrayFile, .depth = kDepth, .string_bytes = longest_line, .values = kArrayValues});
}

std::string RowReader::where() const {
    return array_ ? fmt::format("{}: row {}", file_.string(), in_array_ - 1) : lines_.where();
}

bool RowReader::next_value(Json& row) {
    if (array_) {
        if (in_array_ == static_cast<int64_t>(array_->size())) return false;
        row = std::move((*array_)[static_cast<size_t>(in_array_++)]);
        return true;
    }
    std::string line;
    while (lines_.next(line)) {
        if (is_blank(line)) {
            ++blank_lines_;
            continue;
        }
        row = parse_json(line, where(),
                         {.bytes = longest_, .depth = kDepth, .string_bytes = longest_, .values = kRowValues});
        return true;
    }
    return false;
}

bool RowReader::next(Json& row) {
    if (!next_value(row)) return false;
    if (!row.is_object())
        throw UserError("SCHEMA", where(), "", fmt::format("the row is {}, wanted an object", row.type_name()),
                        "write one {\"text\": \"...\"} a line");
    return true;
}

}   // namespace llmft
