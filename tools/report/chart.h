// A chart of curves over steps as HTML: lines in SVG that stretch with the page, axes and legend as text that does not,
// values shown by the browser where the pointer rests. No script.
#pragma once

#include <string>
#include <vector>

#include "tools/report/curve.h"

namespace llmft {

struct ChartCurve {
    enum class Style : uint8_t { kLine, kFaint, kDots };   // dots: a line with all its points
    std::string name = {};                                 // in the legend; empty: not there
    Curve points = {};
    Style style = Style::kLine;
    int colour = 0;   // of kChartColours
};
constexpr int kChartColours = 8;

struct Chart {
    std::string title = {}, unit = {};
    std::vector<ChartCurve> curves = {};
    Axis::Choice axis = Axis::Choice::kByRange;
};

// Lines end where a value is not finite; a point without neighbours is a dot. Nothing where no curve has a value.
std::string chart_html(const Chart& chart);

// Charts beside one another, the first above them all. Nothing where all are empty.
std::string charts_html(const std::vector<Chart>& charts);

// A curve that has a value at every step: as it is where it is short, else faint beneath its moving mean.
std::vector<ChartCurve> smoothed_curves(const std::string& name, const Curve& curve, int colour);

struct Histogram {
    std::string title, unit;
    std::vector<int64_t> values;
};
std::string histogram_html(const Histogram& histogram);

}   // namespace llmft
