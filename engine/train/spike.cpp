#include "engine/train/spike.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/median.h"

namespace llmft {

std::optional<double> SpikeWatch::above_usual(double loss) const {
    const double usual = median({losses_.begin(), losses_.end()});
    std::vector<double> distances;
    for (const double x : losses_) distances.push_back(std::abs(x - usual));
    constexpr double kNormal = 1.4826;
    const double limit = std::max(kNats, kDeviations * kNormal * median(std::move(distances)));
    return loss > usual + limit ? std::optional(usual) : std::nullopt;
}

std::optional<double> SpikeWatch::above_ceiling(double loss) const {
    const double highest = highest_.value_or(kUntrained);
    return loss > kCeilingTimes * highest + kCeilingNats ? std::optional(highest) : std::nullopt;
}

std::optional<double> SpikeWatch::add(double loss) {
    if (!std::isfinite(loss)) return std::nullopt;
    const std::optional<double> spike = losses_.size() < kFewest ? above_ceiling(loss) : above_usual(loss);
    if (!spike) highest_ = std::max(highest_.value_or(loss), loss);
    losses_.push_back(loss);
    if (losses_.size() > kWindow) losses_.pop_front();
    return spike;
}

}   // namespace llmft
