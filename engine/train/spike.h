// Tells when a loss leaves the range of those before it: more than ten deviations above the median of the last 128
// steps, and at least half a nat. Median and median deviation, which one outlier does not move; a deviation is 1.4826
// times the median distance from the median (the standard deviation of normal noise). It reports and changes nothing.
//
// Sixteen losses make the first median. Until then there is a ceiling: twice the highest loss so far that was no spike,
// and three nats. A batch of few tokens may be that much harder than the one before; a run that has gone astray passes
// it at once, or ends near ln(vocabulary), which is above it wherever a model had learned something. In front of the
// first loss stands ln(2^21): a model that knows nothing of the largest vocabulary that is read.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

namespace llmft {

class SpikeWatch {
public:
    static constexpr size_t kWindow = 128;   // losses that are compared with
    static constexpr size_t kFewest = 16;    // for a median; before that the ceiling holds
    static constexpr double kDeviations = 10;
    static constexpr double kNats = 0.5;
    static constexpr double kUntrained = 14.556;   // ln(2^21)
    static constexpr double kCeilingTimes = 2;
    static constexpr double kCeilingNats = 3;

    // The loss that this one is far above, the median or the highest so far, or nothing. A loss that is not finite is
    // neither a spike nor remembered.
    std::optional<double> add(double loss);
    // Whether a loss was seen that was no spike. Before that the first is compared with a model that knows nothing.
    bool knows_usual() const { return highest_.has_value(); }

private:
    std::optional<double> above_usual(double loss) const;
    std::optional<double> above_ceiling(double loss) const;

    std::optional<double> highest_;   // that was no spike
    std::deque<double> losses_;
};

}   // namespace llmft
