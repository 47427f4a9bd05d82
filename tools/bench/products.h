// What a step's matrix products cost by themselves: the floor under its time.
#pragma once

#include <span>
#include <vector>

#include "kernels/gemm/gemm.h"

namespace llmft {

// The median seconds of running all `products` one after the other on `engine`, all threads. Operands are rows of one
// block of random numbers with the products' own leading dimensions; a small product finds them in the cache, which
// the step may not: the floor is low rather than high.
double time_products(std::span<const Gemm> products, GemmEngine engine, int rounds);

}   // namespace llmft
