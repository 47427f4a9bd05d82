#include "tools/sheet.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "engine/log/columns.h"

namespace llmft {
namespace {

constexpr size_t kLabelColumns = 14;

bool numeric(std::string_view cell) {
    return !cell.empty() && (cell[0] >= '0' && cell[0] <= '9');
}

std::string padding(size_t width, std::string_view text) {
    const size_t taken = terminal_columns_of(text);
    return std::string(width > taken ? width - taken : 0, ' ');
}

}   // namespace

int64_t characters_of(std::string_view text) {
    return std::count_if(text.begin(), text.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

void Sheet::title(std::string_view text) {
    text_ += on_one_line(text) + '\n';
}

void Sheet::row(std::string_view label, std::string_view value) {
    const std::string name = on_one_line(label);
    text_ += "  " + name + padding(kLabelColumns, name);
    if (terminal_columns_of(name) >= kLabelColumns) text_ += ' ';
    text_ += on_one_line(value) + '\n';
}

void Sheet::table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    std::vector<bool> right;
    for (size_t r = 0; r < rows.size(); ++r) {
        widths.resize(std::max(widths.size(), rows[r].size()));
        right.resize(widths.size(), rows.size() > 1);
        for (size_t c = 0; c < rows[r].size(); ++c) {
            widths[c] = std::max(widths[c], terminal_columns_of(on_one_line(rows[r][c])));
            if (r > 0 && !rows[r][c].empty() && !numeric(rows[r][c])) right[c] = false;
        }
    }
    for (const std::vector<std::string>& row : rows) {
        std::string line = " ";
        for (size_t c = 0; c < row.size(); ++c) {
            const std::string cell = on_one_line(row[c]), pad = padding(widths[c], cell);
            line += " " + (right[c] ? pad + cell : cell + pad) + " ";
        }
        text_ += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
}

std::string bytes_text(int64_t bytes) {
    const auto b = static_cast<double>(bytes);
    if (bytes >= int64_t{1} << 30) return fmt::format("{:.2f} GiB", b / 0x1p30);
    if (bytes >= int64_t{1} << 20) return fmt::format("{:.1f} MiB", b / 0x1p20);
    if (bytes >= int64_t{1} << 10) return fmt::format("{:.1f} KiB", b / 0x1p10);
    return fmt::format("{} B", bytes);
}

std::string grouped_digits(int64_t number) {
    std::string text = std::to_string(number);
    for (auto at = static_cast<int64_t>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
        text.insert(static_cast<size_t>(at), ",");
    return text;
}

std::string short_count(int64_t number) {
    const auto n = static_cast<double>(number);
    if (number >= 1'000'000'000) return fmt::format("{:.2f}B", n / 1e9);
    if (number >= 1'000'000) return fmt::format("{:.1f}M", n / 1e6);
    if (number >= 1'000) return fmt::format("{:.1f}K", n / 1e3);
    return std::to_string(number);
}

}   // namespace llmft
