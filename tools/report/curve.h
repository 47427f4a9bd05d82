// Curves before they are drawn: made of fewer points, smoothed, and measured by axes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace llmft {

struct CurvePoint {
    double x = 0, y = 0;   // y: NaN where there is none
};
using Curve = std::vector<CurvePoint>;   // x rises

// At most 3·buckets points: of each of `buckets` equal stretches the lowest and the highest, so that no spike is lost,
// and the first that has no finite y, so that no gap is.
Curve thinned(const Curve& curve, int64_t buckets);

// The stretches of a curve between its gaps, none of them empty.
std::vector<Curve> stretches(const Curve& curve);

// The mean of the `window` points around each, at `count` points at most.
Curve moving_mean(const Curve& curve, int64_t window, int64_t count);

// A curve that has a value at every step, for the eye: its moving mean where it is long.
struct SmoothCurve {
    Curve points = {};
    int64_t window = 1;   // 1: the points are as they were
};
SmoothCurve smoothed(const Curve& curve);

// A value's place between the ends of an axis.
struct Axis {
    enum class Kind : uint8_t { kLinear, kLogarithmic } kind = Kind::kLinear;
    double low = 0, high = 1;
    double least_apart = 0;   // of ticks
    enum class Choice : uint8_t { kByRange, kLinear };

    double place(double value) const;   // 0 at low, 1 at high
    // Values that people like to read, inside the axis: 1, 2 or 5 times a power of ten apart; of a logarithmic one
    // powers of ten, or 1, 2 and 5 times them where there would be fewer than three.
    std::vector<double> ticks(int64_t about) const;
};

// Holds every finite y of the curves with a little air. Logarithmic where they are positive and span more than two
// powers of ten, unless they are to be linear.
Axis value_axis(const std::vector<const Curve*>& curves, Axis::Choice choice);
// From the first step to the last, a lone one in the middle.
Axis step_axis(const std::vector<const Curve*>& curves);

// "0.25", "1,200", "3e-05": at most four digits that count.
std::string tick_text(double value);

}   // namespace llmft
