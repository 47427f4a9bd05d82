// Weights in four bits, as bitsandbytes keeps them. A weight is one flat run of its rows, cut into blocks of `block`
// elements that may cross rows; each has a scale s, the largest magnitude in it. Two codes share a byte, the even
// element in the upper half; an odd count ends with the code of 0.
//   encode:  code = number of midpoints between neighbouring values that are < x·(1/max(s, 1e-38)), as a code by rank
//   decode:  w = round(value[code]·s), to the type that was encoded, and from there to y's
// Everything is in f32. Where bitsandbytes has several answers, these are those of its CPU path (0.50.2,
// backends/default/ops.py: quantize_4bit): a last block that is short is divided by s = max(s, 1e-38), and FP4 turns 0
// and small negative numbers into code 0, small positive ones into code 8, whose value is 0 too. Its CUDA kernel
// differs in FP4 (code 0 for both; one threshold is 0.583333), in the code of a block of zeros, and in the rounding of
// 1/s. Its AVX-512 decoder takes wrong scales where blocks cross rows of a multiple of 16; blocks here are flat, as
// everywhere else. Its forward in f32 leaves out the rounding to the type that was encoded, its backward and
// dequantize_4bit do not: nor do we.
//
// Scales may be quantised themselves (double quantisation, kernels/quant4/nested.h), in blocks of 256:
//   s = nested_map[q]·nested_scale + offset, two roundings
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"
#include "kernels/quant4/codes.h"

namespace llmft {

constexpr int64_t kNestedBlock = 256;   // of scales: bitsandbytes reads no other
constexpr int kNestedCodes = 256;

struct Quant4Decode {
    const uint8_t* codes;         // of the whole weight: two a byte
    const float* values;          // 16: of each code
    const void* scales;           // a block each: f32, or uint8 codes of nested_map
    const float* nested_scales;   // a block of scales each; null: scales are f32
    const float* nested_map;      // 256
    const float* offset;          // 1
    int64_t block;                // even
    DType encoded;                // f32, bf16 or f16: what the weight was before
    int64_t first_row;            // of the weight, in y's first row
    View y;                       // (rows, cols) f32, bf16 or f16
    int64_t rows;
    int64_t cols;
};

// On the host alone: weights are encoded where files are read.
struct Quant4Encode {
    const void* x;   // dense, finite
    DType dtype;     // f32, bf16 or f16
    int64_t count;   // a whole weight, or whole blocks of it
    int64_t block;   // a multiple of 16
    Quant4 kind;
    uint8_t* codes;   // ⌈count/2⌉; null: only scales are wanted
    float* scales;    // ⌈count/block⌉
};

namespace cpu {
void quant4_decode(const Quant4Decode&);
void quant4_encode(const Quant4Encode&);
}   // namespace cpu
namespace cuda {
void quant4_decode(const Quant4Decode&, StreamHandle);
}

}   // namespace llmft
