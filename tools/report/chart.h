// A chart of curves over steps as HTML: lines in SVG that stretch with the page, axes and legend as text that does not,
// values shown by the browser where the pointer rests. No script.
#pragma once

#include <string>
#include <vector>

#include "tools/report/curve.h"

namespace llmft {

struct ChartCurve {
    enum class Style : uint8_t { kLine, kFaint, kDots };   // dots: a line with its points
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

std::string chart_html(const Chart& chart);

// A curve that has a value at every step: as it is where it is short, else faint beneath its moving mean.
std::vector<ChartCurve> smoothed(const std::string& name, const Curve& curve, int colour);

struct Histogram {
    std::string title, unit;
    std::vector<int64_t> values;
};
std::string histogram_html(const Histogram& histogram);

}   // namespace llmft
