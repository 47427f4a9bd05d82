#include "engine/train/spike.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace llmft {
namespace {

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}   // namespace

std::optional<double> SpikeWatch::add(double loss) {
    if (!std::isfinite(loss)) return std::nullopt;
    std::optional<double> spike;
    if (losses_.size() >= kFewest) {
        const double usual = median({losses_.begin(), losses_.end()});
        std::vector<double> distances;
        for (const double x : losses_) distances.push_back(std::abs(x - usual));
        constexpr double kNormal = 1.4826;
        const double limit = std::max(kNats, kDeviations * kNormal * median(std::move(distances)));
        if (loss > usual + limit) spike = usual;
    }
    losses_.push_back(loss);
    if (losses_.size() > kWindow) losses_.pop_front();
    return spike;
}

}   // namespace llmft
