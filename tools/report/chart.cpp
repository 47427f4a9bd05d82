#include "tools/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/report/html.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

constexpr double kSide = 1000;           // of the drawing, which the page stretches to its room
constexpr int64_t kDrawnBuckets = 400;   // of a curve's points

class Drawing {
public:
    Drawing(Axis x, Axis y) : x_(x), y_(y) {}

    std::string line(const ChartCurve& curve) const {
        std::string lines, dots;
        for (const Curve& stretch : stretches(thinned(curve.points, kDrawnBuckets))) {
            const bool dotted = curve.style == ChartCurve::Style::kDots || stretch.size() == 1;
            for (size_t i = 0; i < stretch.size(); ++i) {
                const std::string at = fmt::format("{:.1f} {:.1f}", across(stretch[i].x), down(stretch[i].y));
                if (stretch.size() > 1) lines += (i == 0 ? "M" : "L") + at;
                if (dotted) dots += fmt::format("M{}h0", at);
            }
        }
        const char* faint = curve.style == ChartCurve::Style::kFaint ? " faint" : "";
        return path("line", faint, curve.colour, lines) + path("dots", faint, curve.colour, dots);
    }

    std::string grid() const {
        std::string svg;
        for (const double tick : y_.ticks(4))
            svg += fmt::format("<path class=\"grid\" d=\"M0 {:.1f}H1000\"/>", down(tick));
        return svg;
    }

    std::string labels() const {
        std::string html = "<div class=\"y\">";
        for (const double tick : y_.ticks(4))
            html += fmt::format("<span style=\"bottom:{:.2f}%\">{}</span>", 100 * y_.place(tick), tick_text(tick));
        html += "</div><div class=\"x\">";
        for (const double tick : x_.ticks(5))
            html += fmt::format("<span style=\"left:{:.2f}%\">{}</span>", 100 * x_.place(tick), tick_text(tick));
        return html + "</div>";
    }

    // Columns over the drawing, each with the values of the points that are nearest to its middle.
    std::string hints(const std::vector<ChartCurve>& curves) const {
        const ChartCurve* longest = nullptr;
        for (const ChartCurve& c : curves)
            if (longest == nullptr || c.points.size() > longest->points.size()) longest = &c;
        constexpr size_t kMost = 60;
        const size_t count = longest ? std::min(kMost, longest->points.size()) : 0;
        std::string svg;
        for (size_t i = 0; i < count; ++i) {
            const double x = longest->points[i * (longest->points.size() - 1) / std::max<size_t>(1, count - 1)].x;
            const double half = kSide / static_cast<double>(std::max<size_t>(1, count - 1)) / 2;
            std::string text = fmt::format("step {}", tick_text(x));
            for (const ChartCurve& c : curves)
                if (const CurvePoint* p = nearest_point(c.points, x); p && !c.name.empty())
                    text += fmt::format("\n{} {:.5g}", escape_html(c.name), p->y);
            svg += fmt::format(
                "<rect class=\"hint\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" height=\"1000\"><title>{}"
                "</title></rect>",
                across(x) - half, 2 * half, text);
        }
        return svg;
    }

private:
    double across(double x) const { return kSide * x_.place(x); }
    double down(double y) const { return kSide * (1 - y_.place(y)); }

    static std::string path(const char* kind, const char* faint, int colour, const std::string& d) {
        return d.empty() ? "" : fmt::format("<path class=\"{}{} c{}\" d=\"{}\"/>", kind, faint, colour, d);
    }

    static const CurvePoint* nearest_point(const Curve& curve, double x) {
        if (curve.empty()) return nullptr;
        auto at = std::lower_bound(curve.begin(), curve.end(), x,
                                   [](const CurvePoint& p, double value) { return p.x < value; });
        if (at == curve.end() || (at != curve.begin() && x - (at - 1)->x < at->x - x)) --at;
        return std::isfinite(at->y) ? &*at : nullptr;
    }

    Axis x_, y_;
};

std::string caption(const std::string& title, const std::string& unit) {
    return fmt::format("<figcaption>{} <span class=\"unit\">{}</span></figcaption>", escape_html(title),
                       escape_html(unit));
}

std::string legend(const std::vector<ChartCurve>& curves) {
    std::string html;
    for (const ChartCurve& c : curves)
        if (!c.name.empty()) html += fmt::format("<li class=\"c{}\">{}</li>", c.colour, escape_html(c.name));
    return fmt::format("<ul class=\"legend\">{}</ul>", html);
}

}   // namespace

std::string chart_html(const Chart& chart) {
    std::vector<ChartCurve> curves;
    for (const ChartCurve& c : chart.curves)
        if (!stretches(c.points).empty()) curves.push_back(c);
    if (curves.empty()) return "";
    std::vector<const Curve*> all;
    for (const ChartCurve& c : curves) all.push_back(&c.points);
    const Axis y = value_axis(all, chart.axis);
    const Drawing drawing(step_axis(all), y);
    std::string lines;
    for (const ChartCurve& c : curves) lines += drawing.line(c);
    const bool logarithmic = y.kind == Axis::Kind::kLogarithmic;
    return fmt::format(
        "<figure>{}{}<div class=\"plot\">{}<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"{} by step\">{}{}{}</svg></div></figure>\n",
        caption(chart.title, chart.unit + (logarithmic ? ", logarithmic" : "")), legend(curves), drawing.labels(),
        escape_html(chart.title), drawing.grid(), lines, drawing.hints(curves));
}

std::string charts_html(const std::vector<Chart>& charts) {
    std::string html;
    for (const Chart& chart : charts) html += chart_html(chart);
    return html.empty() ? "" : fmt::format("<div class=\"charts\">\n{}</div>\n", html);
}

std::vector<ChartCurve> smoothed_curves(const std::string& name, const Curve& curve, int colour) {
    const SmoothCurve smooth = smoothed(curve);
    if (smooth.window == 1) return {{.name = name, .points = curve, .colour = colour}};
    return {
        {.name = "", .points = curve, .style = ChartCurve::Style::kFaint, .colour = colour},
        {.name = fmt::format("{}, mean of {} steps", name, smooth.window), .points = smooth.points, .colour = colour}};
}

std::string histogram_html(const Histogram& histogram) {
    if (histogram.values.empty()) return "";
    const auto [low, high] = std::minmax_element(histogram.values.begin(), histogram.values.end());
    constexpr int64_t kBars = 32;
    const int64_t first = *low, span = *high - *low + 1, bars = std::min(kBars, span);
    std::vector<int64_t> counts(static_cast<size_t>(bars));
    for (const int64_t value : histogram.values) ++counts[static_cast<size_t>((value - first) * bars / span)];
    const int64_t most = *std::max_element(counts.begin(), counts.end());
    std::string html;
    for (int64_t b = 0; b < bars; ++b) {
        const int64_t count = counts[static_cast<size_t>(b)];
        // The bar holds the values v with ⌊(v − first)·bars/span⌋ = b.
        const int64_t from = first + (b * span + bars - 1) / bars, to = first + ((b + 1) * span + bars - 1) / bars - 1;
        html +=
            fmt::format("<i style=\"height:{:.1f}%\" title=\"{} to {}: {}\"></i>",
                        100 * static_cast<double>(count) / static_cast<double>(most), from, to, grouped_digits(count));
    }
    return fmt::format(
        "<figure>{}<div class=\"bars\">{}</div><div class=\"ends\"><span>{}</span><span>{}</span></div></figure>\n",
        caption(histogram.title, histogram.unit), html, grouped_digits(*low), grouped_digits(*high));
}

}   // namespace llmft
