// One self-contained HTML page: its style is in it, and it has no script, no font and no picture from elsewhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace llmft {

struct Tile {
    std::string label, value, note = {};
};

// The arguments of all of these are plain text and are escaped, but for `body`, which is HTML.
std::string html_page(const std::string& title, const std::string& body);
std::string page_header(const std::string& kicker, const std::string& title, const std::vector<std::string>& subtitles);
std::string page_tiles(const std::vector<Tile>& tiles);
std::string page_section(const std::string& title, const std::string& body);
std::string page_note(const std::string& text);
// A command to be copied.
std::string page_command(const std::string& command);
// The first row is the head, which is not shown where it is empty. Columns of numbers are to the right. Where `links`
// has a path for a row, its first cell leads there: relative to the page.
std::string page_table(const std::vector<std::vector<std::string>>& rows, const std::vector<std::string>& links = {});
// What is folded away under a line until somebody wants it.
std::string page_details(const std::string& summary, const std::string& body);

struct Bar {
    std::string label, value;
    double share = 0;   // of the longest
};
std::string page_bars(const std::vector<Bar>& bars);

}   // namespace llmft
