// y = scale·x over a matrix, between any two float dtypes, one rounding. With equal dtypes and scale 1 it is a strided
// copy of the bits.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct Cast {
    View x;   // (rows, cols)
    View y;   // (rows, cols)  may be x
    int64_t rows;
    int64_t cols;
    float scale;
};

namespace cpu {
void cast(const Cast&);
}
namespace cuda {
void cast(const Cast&, StreamHandle);
}

}   // namespace llmft
