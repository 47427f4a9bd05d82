// Tells when a loss leaves the range of those before it: more than ten deviations above the median of the last 128
// steps, and at least half a nat. Median and median deviation, which one outlier does not move; a deviation is 1.4826
// times the median distance from the median (the standard deviation of normal noise). It reports and changes nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

namespace llmft {

class SpikeWatch {
public:
    static constexpr size_t kWindow = 128;   // losses that are compared with
    static constexpr size_t kFewest = 16;    // before that nothing is a spike
    static constexpr double kDeviations = 10;
    static constexpr double kNats = 0.5;

    // The median that the loss is far above, or nothing. A loss that is not finite is neither a spike nor remembered.
    std::optional<double> add(double loss);

private:
    std::deque<double> losses_;
};

}   // namespace llmft
