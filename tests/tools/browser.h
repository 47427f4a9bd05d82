// Pages as a browser lays them out.
#pragma once

#include <optional>
#include <vector>

#include "engine/io/json.h"

namespace llmft::test {

// A page in a window of that width, in CSS pixels.
struct PageLayout {
    double window = 0;                 // without a scroll bar
    double width = 0, height = 0;      // of the page; wider than the window: it scrolls sideways
    std::vector<std::string> broken;   // words of at most twelve letters, and labels of axes, that take several lines
};
// Nothing where chromium is not installed.
std::optional<std::vector<PageLayout>> page_layouts(const Path& page, const std::vector<int>& widths);

// Skips where there is no browser. At 360 to 1200 pixels nothing is wider than the window, and no word is broken.
void expect_fits_windows(const Path& page);

}   // namespace llmft::test
