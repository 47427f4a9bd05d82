#include "data/order.h"

#include <fmt/format.h>

#include <numeric>
#include <random>
#include <utility>

#include "kernels/base/error.h"

namespace llmft {

std::vector<int64_t> random_permutation(int64_t n, int64_t seed) {
    if (n < 0 || n >= int64_t{UINT32_MAX / 20}) throw InternalError(fmt::format("random_permutation: n is {}", n));
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::mt19937 random(static_cast<uint32_t>(seed));
    for (int64_t i = 0; i + 1 < n; ++i) {
        const int64_t z = static_cast<int64_t>(random()) % (n - i);
        std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i + z)]);
    }
    return order;
}

}   // namespace llmft
