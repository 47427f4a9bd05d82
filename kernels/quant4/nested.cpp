#include "kernels/quant4/nested.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace llmft {
namespace {

constexpr int kLanes = 8;    // torch's vectors, also on processors with wider ones
constexpr int kChains = 4;   // and how many of them it adds up side by side

using Lanes = std::array<float, kLanes>;
using Chains = std::array<Lanes, kChains>;

void add(Chains& to, const Chains& from) {
    for (int c = 0; c < kChains; ++c)
        for (int l = 0; l < kLanes; ++l) to[c][l] += from[c][l];
}

// Σ over `size` groups of kChains × lanes floats: partial sums of 2^power groups, of as many of those, and so on.
Chains chain_sums(const float* x, int64_t size, int lanes) {
    constexpr int kLevels = 4;
    const int log = size > 1 ? static_cast<int>(std::bit_width(static_cast<uint64_t>(size - 1))) : 0;
    const int power = std::max(4, log / kLevels);
    const int64_t step = int64_t{1} << power;
    std::array<Chains, kLevels> level = {};
    const auto take = [&](int64_t i) {
        for (int c = 0; c < kChains; ++c)
            for (int l = 0; l < lanes; ++l) level[0][c][l] += x[(i * kChains + c) * lanes + l];
    };
    int64_t i = 0;
    while (i + step <= size) {
        for (int64_t j = 0; j < step; ++j) take(i++);
        for (int j = 1; j < kLevels; ++j) {
            add(level[j], level[j - 1]);
            level[j - 1] = {};
            if ((i & (step - 1) << (j * power)) != 0) break;
        }
    }
    while (i < size) take(i++);
    for (int j = 1; j < kLevels; ++j) add(level[0], level[j]);
    return level[0];
}

// The lanes of Σ over `size` vectors.
Lanes lane_sums(const float* x, int64_t size, int lanes) {
    Chains sums = chain_sums(x, size / kChains, lanes);
    for (int64_t i = size / kChains * kChains; i < size; ++i)
        for (int l = 0; l < lanes; ++l) sums[0][l] += x[i * lanes + l];
    for (int c = 1; c < kChains; ++c)
        for (int l = 0; l < lanes; ++l) sums[0][l] += sums[c][l];
    return sums[0];
}

float sum(const float* x, int64_t count) {
    if (count < kLanes) return lane_sums(x, count, 1)[0];
    const Lanes lanes = lane_sums(x, count / kLanes, kLanes);
    float total = 0;
    for (int64_t i = count / kLanes * kLanes; i < count; ++i) total += x[i];
    for (const float lane : lanes) total += lane;
    return total;
}

// Point i of n evenly spaced ones in [0.1, 1], as torch.linspace rounds it.
float point(int i, int n) {
    constexpr float kFirst = 0.1f, kLast = 1.0f;
    const float step = (kLast - kFirst) / static_cast<float>(n - 1);
    return i < n / 2 ? std::fma(step, static_cast<float>(i), kFirst)
                     : std::fma(-step, static_cast<float>(n - 1 - i), kLast);
}

// The middles of 2^i intervals of [0.1, 1] times 10^(i − 6), with both signs, for i = 0 to 6; 0 and 1.
std::array<float, kNestedCodes> make_dynamic_map() {
    std::array<float, kNestedCodes> map = {0.0f, 1.0f};
    size_t filled = 2;
    for (int i = 0; i < 7; ++i) {
        const auto power = static_cast<float>(std::pow(10.0, i - 6));
        for (int k = 0; k < 1 << i; ++k) {
            const int n = (1 << i) + 1;
            const float value = (point(k, n) + point(k + 1, n)) / 2 * power;
            map[filled++] = value;
            map[filled++] = -value;
        }
    }
    std::sort(map.begin(), map.end());
    return map;
}

// The number of midpoints below x.
uint8_t nearest_code(const std::array<float, kNestedCodes - 1>& midpoints, float x) {
    return static_cast<uint8_t>(std::lower_bound(midpoints.begin(), midpoints.end(), x) - midpoints.begin());
}

// The codes of 65536 evenly spaced values of [−1, 1].
std::array<uint8_t, 65536> make_grid() {
    const auto& map = dynamic_map();
    std::array<float, kNestedCodes - 1> midpoints;
    for (size_t i = 0; i < midpoints.size(); ++i) midpoints[i] = 0.5f * (map[i] + map[i + 1]);
    std::array<uint8_t, 65536> grid;
    for (size_t i = 0; i < grid.size(); ++i)
        grid[i] = nearest_code(midpoints, -1.0f + 2.0f * static_cast<float>(i) / 65535.0f);
    return grid;
}

}   // namespace

const std::array<float, kNestedCodes>& dynamic_map() {
    static const std::array<float, kNestedCodes> map = make_dynamic_map();
    return map;
}

float encode_nested(const NestedEncode& a) {
    static const std::array<uint8_t, 65536> grid = make_grid();
    const float offset = sum(a.scales, a.count) / static_cast<float>(a.count);
    for (int64_t first = 0; first < a.count; first += kNestedBlock) {
        const int64_t end = std::min(first + kNestedBlock, a.count);
        float most = 0;
        for (int64_t i = first; i < end; ++i) most = std::max(most, std::abs(a.scales[i] - offset));
        a.nested_scales[first / kNestedBlock] = most;
        const float inverse = 1.0f / most;
        for (int64_t i = first; i < end; ++i) {
            const float x = most == 0 ? 0 : std::clamp((a.scales[i] - offset) * inverse, -1.0f, 1.0f);
            a.codes[i] = most == 0 ? uint8_t{0} : grid[static_cast<size_t>((x + 1.0f) * 0.5f * 65535.0f + 0.5f)];
        }
    }
    return offset;
}

}   // namespace llmft
