#include "tools/report/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/sheet.h"

namespace llmft {

Curve thinned(const Curve& curve, int64_t buckets) {
    Curve finite;
    std::copy_if(curve.begin(), curve.end(), std::back_inserter(finite),
                 [](const CurvePoint& p) { return std::isfinite(p.y); });
    const auto count = static_cast<int64_t>(finite.size());
    if (count <= 2 * buckets) return finite;
    Curve thin;
    for (int64_t b = 0; b < buckets; ++b) {
        const auto begin = finite.begin() + b * count / buckets, end = finite.begin() + (b + 1) * count / buckets;
        const auto lower = [](const CurvePoint& p, const CurvePoint& q) { return p.y < q.y; };
        auto [low, high] = std::minmax_element(begin, end, lower);
        if (high < low) std::swap(low, high);
        thin.push_back(*low);
        if (high != low) thin.push_back(*high);
    }
    return thin;
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
    const double apart = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
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
    return {.low = low, .high = high > low ? high : low + 1};
}

std::string tick_text(double value) {
    if (std::abs(value) >= 1000 && std::abs(value) < 1e7) return grouped_digits(std::llround(value));
    return fmt::format("{:.4g}", value);
}

}   // namespace llmft
