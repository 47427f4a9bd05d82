// What this machine does in a second, measured on the products and copies that training is made of.
#pragma once

#include <cstdint>

#include "engine/core/device.h"

namespace llmft {

struct ProductSpeed {
    double gflops = 0;
    double worst_error = 0;   // largest |got − wanted| / Σ|a·b| of some entries, against sums in double
};
struct ProductEffort {
    int64_t side = 1024;     // products are of side³; they take 4·side² numbers
    double seconds = 0.25;   // at least three products, and then until these are over
};
// Products in `dtype` by `engine`, all threads, the best of them.
ProductSpeed measure_products(GemmEngine engine, DType dtype, const ProductEffort& effort = {});

// Bytes read and written per second, GB/s, by copying `bytes` with all threads; takes twice that memory.
double measure_copy(int64_t bytes);

}   // namespace llmft
