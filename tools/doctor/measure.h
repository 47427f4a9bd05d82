// What this machine does in a second, measured on the products and copies that training is made of.
#pragma once

#include <cstdint>

#include "engine/core/device.h"

namespace llmft {

struct ProductSpeed {
    double gflops = 0;
    double worst_error = 0;   // largest |got − wanted| / Σ|a·b| of some entries, against sums in double
};
// Products of 1024³ in `dtype` by `engine`, all threads, the best of a fraction of a second. Takes 16 MiB.
ProductSpeed measure_products(GemmEngine engine, DType dtype);

// Bytes read and written per second, GB/s, by copying `bytes` with all threads; takes twice that memory.
double measure_copy(int64_t bytes);

}   // namespace llmft
