// What a step's matrix products cost by themselves: the floor under its time.
#pragma once

#include <span>

#include "engine/core/device.h"
#include "engine/core/profile.h"

namespace llmft {

// The median seconds of running all `products` (Profile::products) one after the other on `device`, all threads. Every
// product has its own shape and leading dimensions but the same three blocks of random numbers: a small one finds them
// in the cache, which the step may not, so that the floor is low rather than high.
double time_products(std::span<const Gemm> products, Device& device, int rounds);

}   // namespace llmft
