#include "tools/report/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "tools/sheet.h"

namespace llmft {

Curve thinned(const Curve& curve, int64_t buckets) {
    const auto count = static_cast<int64_t>(curve.size());
    if (count <= 3 * buckets) return curve;
    Curve thin;
    for (int64_t b = 0; b < buckets; ++b) {
        const int64_t begin = b * count / buckets, end = (b + 1) * count / buckets;
        std::optional<int64_t> low, high, gap;
        for (int64_t i = begin; i < end; ++i) {
            const double y = curve[static_cast<size_t>(i)].y;
            if (!std::isfinite(y)) {
                if (!gap) gap = i;
                continue;
            }
            if (!low || y < curve[static_cast<size_t>(*low)].y) low = i;
            if (!high || y > curve[static_cast<size_t>(*high)].y) high = i;
        }
        std::set<int64_t> kept;
        for (const auto& one : {low, high, gap})
            if (one) kept.insert(*one);
        for (const int64_t i : kept) thin.push_back(curve[static_cast<size_t>(i)]);
    }
    return thin;
}

std::vector<Curve> stretches(const Curve& curve) {
    std::vector<Curve> all;
    bool open = false;
    for (const CurvePoint& p : curve) {
        const bool finite = std::isfinite(p.y);
        if (finite && !open) all.emplace_back();
        if (finite) all.back().push_back(p);
        open = finite;
    }
    return all;
}

Curve moving_mean(const Curve& curve, int64_t window, int64_t count) {
    std::vector<double> sums = {0};
    Curve finite;
    for (const CurvePoint& p : curve)
        if (std::isfinite(p.y)) {
            finite.push_back(p);
            sums.push_back(sums.back() + p.y);
        }
    const auto points = static_cast<int64_t>(finite.size()), shown = std::min(points, count);
    Curve smooth;
    for (int64_t i = 0; i < shown; ++i) {
        const int64_t at = shown > 1 ? i * (points - 1) / (shown - 1) : 0;
        const int64_t begin = std::max<int64_t>(0, at - window / 2), end = std::min(points, at + window / 2 + 1);
        smooth.push_back({.x = finite[static_cast<size_t>(at)].x,
                          .y = (sums[static_cast<size_t>(end)] - sums[static_cast<size_t>(begin)]) /
                               static_cast<double>(end - begin)});
    }
    return smooth;
}

SmoothCurve smoothed(const Curve& curve) {
    constexpr int64_t kWindows = 50, kPoints = 300;
    const int64_t window = static_cast<int64_t>(curve.size()) / kWindows / 2 * 2 + 1;   // as many before as behind
    return {.points = window > 1 ? moving_mean(curve, window, kPoints) : curve, .window = window};
}

double Axis::place(double value) const {
    const double place =
        kind == Kind::kLogarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return std::clamp(place, 0.0, 1.0);
}

std::vector<double> Axis::ticks(int64_t about) const {
    std::vector<double> ticks;
    if (kind == Kind::kLogarithmic) {
        const double powers = std::log10(high / low);
        const double apart = std::max(1.0, std::ceil(powers / static_cast<double>(about + 2)));
        for (double n = std::floor(std::log10(low)); n <= std::log10(high); n += apart)
            for (const double times : {1.0, 2.0, 5.0}) {
                const double tick = times * std::pow(10, n);
                if ((powers < 3 || times == 1) && tick >= low && tick <= high) ticks.push_back(tick);
            }
        return ticks;
    }
    const double rough = (high - low) / static_cast<double>(about), power = std::pow(10, std::floor(std::log10(rough)));
    const double times = rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10;
    const double apart = std::max(least_apart, power * times);
    for (double n = std::ceil(low / apart); n * apart <= high; ++n) ticks.push_back(n == 0 ? 0 : n * apart);
    return ticks;
}

Axis value_axis(const std::vector<const Curve*>& curves, Axis::Choice choice) {
    constexpr double kAir = 0.04, kLogarithmicFrom = 100;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Curve* curve : curves)
        for (const CurvePoint& p : *curve)
            if (std::isfinite(p.y)) low = std::min(low, p.y), high = std::max(high, p.y);
    if (low > high) return {};
    if (choice == Axis::Choice::kByRange && low > 0 && high / low > kLogarithmicFrom) {
        const double air = std::pow(high / low, kAir);
        return {.kind = Axis::Kind::kLogarithmic, .low = low / air, .high = high * air};
    }
    const double span = high > low ? high - low : std::max(std::abs(high), 1e-3) / 2;
    const double bottom = low - kAir * span;
    return {.low = low >= 0 && (bottom < 0 || low < span / 4) ? 0 : bottom, .high = high + kAir * span};
}

Axis step_axis(const std::vector<const Curve*>& curves) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Curve* curve : curves)
        if (!curve->empty()) low = std::min(low, curve->front().x), high = std::max(high, curve->back().x);
    if (low > high) return {};
    const double air = high > low ? 0 : 0.5;
    return {.low = low - air, .high = high + air, .least_apart = 1};
}

std::string tick_text(double value) {
    if (std::abs(value) >= 1000 && std::abs(value) < 1e7) return grouped_digits(std::llround(value));
    return fmt::format("{:.4g}", value);
}

}   // namespace llmft
