// y = keep·x/(1−p)  (or y += …),  keep[t,c] = 1 with probability 1 − p, drawn by meaning, not by place:
//   bits = philox4x32_10(key = {seed, module}, counter = {step, example[t], position[t], c/8}),
//   16 bits per element (the (c%8)-th, low half of each word first);  kept where bits ≥ round(p·65536).
// The mask of a token is therefore the same however examples are grouped into micro-batches, and in the backward. x and
// y may each be f32 or bf16. Generator: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct Dropout {
    View x;                     // (T, cols)
    View y;                     // (T, cols)  may be x under kOverwrite
    const int32_t* example;     // (T)
    const int32_t* positions;   // (T)
    int64_t rows;
    int64_t cols;
    float probability;   // p in [0, 1)
    uint32_t seed;
    uint32_t module;   // which dropout of the model
    uint32_t step;
    OutMode out_mode;
};

namespace cpu {
void dropout(const Dropout&);
}
namespace cuda {
void dropout(const Dropout&, StreamHandle);
}

}   // namespace llmft
