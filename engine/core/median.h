#pragma once

#include <algorithm>
#include <vector>

namespace llmft {

// The upper one of an even number. Of at least one value.
inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}   // namespace llmft
