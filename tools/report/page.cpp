#include "tools/report/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/report/html.h"
#include "tools/report/style.h"

namespace llmft {
namespace {

bool numeric(const std::string& cell) {
    const size_t at = cell.starts_with('-') ? 1 : 0;
    return cell.size() > at && cell[at] >= '0' && cell[at] <= '9';
}

}   // namespace

std::string html_page(const std::string& title, const std::string& body) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light "
        "dark\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        escape_html(title), kPageStyle, body);
}

std::string page_header(const std::string& kicker, const std::string& title,
                        const std::vector<std::string>& subtitles) {
    std::string html;
    for (const std::string& line : subtitles) html += fmt::format("<p class=\"subtitle\">{}</p>", escape_html(line));
    return fmt::format("<header><p class=\"kicker\">{}</p><h1>{}</h1>{}</header>\n", escape_html(kicker),
                       escape_html(title), html);
}

std::string page_tiles(const std::vector<Tile>& tiles) {
    std::string html;
    for (const Tile& tile : tiles)
        html += fmt::format("<div><dt>{}</dt><dd>{}</dd><dd class=\"note\">{}</dd></div>", escape_html(tile.label),
                            escape_html(tile.value), escape_html(tile.note));
    return fmt::format("<dl class=\"tiles\">{}</dl>\n", html);
}

std::string page_section(const std::string& title, const std::string& body) {
    return fmt::format("<section><h2>{}</h2>\n{}</section>\n", escape_html(title), body);
}

std::string page_note(const std::string& text) {
    return fmt::format("<p class=\"note\">{}</p>\n", escape_html(text));
}

std::string page_command(const std::string& command) {
    return fmt::format("<pre class=\"command\">{}</pre>\n", escape_html(command));
}

std::string page_table(const std::vector<std::vector<std::string>>& rows, const std::vector<std::string>& links) {
    if (rows.empty()) return "";
    std::vector<int> numbers(rows[0].size()), texts = numbers;
    for (size_t r = 1; r < rows.size(); ++r)
        for (size_t c = 0; c < rows[r].size(); ++c)
            if (!rows[r][c].empty()) ++(numeric(rows[r][c]) ? numbers : texts)[c];
    const auto right = [&](size_t c) { return numbers[c] > 0 && texts[c] == 0; };
    const auto empty = [](const std::string& cell) { return cell.empty(); };
    std::string html;
    for (size_t r = std::all_of(rows[0].begin(), rows[0].end(), empty) ? 1 : 0; r < rows.size(); ++r) {
        html += "<tr>";
        for (size_t c = 0; c < rows[r].size(); ++c) {
            std::string cell = escape_html(rows[r][c]);
            if (c == 0 && r < links.size() && !links[r].empty())
                cell = fmt::format("<a href=\"{}\">{}</a>", encoded_path(links[r]), cell);
            html += fmt::format("<{0}{1}>{2}</{0}>", r == 0 ? "th" : "td", right(c) ? " class=\"n\"" : "", cell);
        }
        html += "</tr>\n";
    }
    return fmt::format("<div class=\"wide\"><table>{}</table></div>\n", html);
}

std::string page_details(const std::string& summary, const std::string& body) {
    return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary), body);
}

std::string page_bars(const std::vector<Bar>& bars) {
    std::string html;
    for (const Bar& bar : bars)
        html += fmt::format("<li><span>{}</span><b style=\"--share:{:.2f}%\"></b><span class=\"n\">{}</span></li>",
                            escape_html(bar.label), 100 * std::clamp(bar.share, 0.0, 1.0), escape_html(bar.value));
    return fmt::format("<ul class=\"rows\">{}</ul>\n", html);
}

}   // namespace llmft
