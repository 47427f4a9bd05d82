#include "tests/tools/browser.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

#include "tests/harness/skip.h"
#include "tests/harness/temp_folder.h"
#include "tests/tools/e2e_scene.h"
#include "tools/report/html.h"

namespace llmft::test {
namespace {

// Measures the frames of the page that it is in and leaves what it found in #found, as JSON. The pages in the frames
// are of the same origin and have no script of their own.
constexpr const char* kMeasure = R"js(
const lines = range => new Set(Array.from(range.getClientRects(), r => Math.round(r.top))).size;
function broken(doc) {
  const found = [], texts = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  for (let text; text = texts.nextNode();) {
    const label = text.parentElement.closest('.x, .y');
    for (const word of text.data.matchAll(label ? /.+/g : /[A-Za-z0-9.,]+/g)) {
      const range = doc.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (word[0].length <= 12 && lines(range) > 1) found.push(word[0]);
    }
  }
  return found;
}
window.onload = () => {
  const layout = frame => {
    const doc = frame.contentDocument, page = doc.documentElement;
    for (const folded of doc.querySelectorAll('details')) folded.open = true;
    return {window: page.clientWidth, width: page.scrollWidth, height: page.scrollHeight, broken: broken(doc)};
  };
  document.getElementById('found').textContent = JSON.stringify(Array.from(document.querySelectorAll('iframe'), layout));
};
)js";

std::string between(const std::string& text, const std::string& open, const std::string& close) {
    const size_t begin = text.find(open), end = text.find(close, begin);
    if (begin == std::string::npos || end == std::string::npos) return "";
    return text.substr(begin + open.size(), end - begin - open.size());
}

}   // namespace

std::optional<std::vector<PageLayout>> page_layouts(const Path& page, const std::vector<int>& widths) {
    if (std::system("command -v chromium >/dev/null") != 0) return std::nullopt;
    const TempFolder folder;
    std::string html = "<!DOCTYPE html><meta charset=\"utf-8\"><body>";
    for (const int width : widths)
        html += fmt::format("<iframe style=\"border:0;width:{}px;height:800px\" srcdoc=\"{}\"></iframe>", width,
                            escape_html(bytes_of(page)));
    put(folder.path() / "frames.html", html + "<script>" + kMeasure + "</script><pre id=\"found\"></pre>");
    const std::string command = fmt::format(
        "chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir='{0}/profile' --dump-dom "
        "'file://{0}/frames.html' >'{0}/dom' 2>/dev/null",
        folder.path().string());
    REQUIRE(std::system(command.c_str()) == 0);
    const std::string found = between(bytes_of(folder.path() / "dom"), "<pre id=\"found\">", "</pre>");
    REQUIRE(found.starts_with('['));
    std::vector<PageLayout> layouts;
    for (const Json& one : Json::parse(found))
        layouts.push_back({.window = one["window"],
                           .width = one["width"],
                           .height = one["height"],
                           .broken = one["broken"].get<std::vector<std::string>>()});
    return layouts;
}

void expect_fits_windows(const Path& page) {
    const std::vector<int> widths = {360, 400, 800, 1200};
    const auto layouts = page_layouts(page, widths);
    if (!layouts) return skip("no browser: chromium is not installed");
    REQUIRE(layouts->size() == widths.size());
    for (size_t i = 0; i < widths.size(); ++i) {
        const PageLayout& layout = (*layouts)[i];
        CAPTURE(widths[i]);
        CHECK(layout.window == widths[i]);
        CHECK(layout.width <= layout.window);
        CHECK(layout.height > 500);   // a page without its text would be as high as its margins
        CHECK(fmt::format("{}", fmt::join(layout.broken, " ")) == "");
    }
}

}   // namespace llmft::test
