// The order of examples in an epoch.
#pragma once

#include <cstdint>
#include <vector>

namespace llmft {

// 0 … n − 1 as torch.randperm(n, generator=torch.Generator().manual_seed(seed)) puts them on a CPU: a Mersenne twister,
// and for i from 0 to n − 2 a swap of i and i + random mod (n − i). n < 2^32 / 20, where torch changes its way.
std::vector<int64_t> random_permutation(int64_t n, int64_t seed);

}   // namespace llmft
