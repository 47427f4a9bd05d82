// Double quantisation: the scales of a weight's blocks in eight bits. Their mean is taken away, what is left is coded
// in blocks of 256 by the dynamic map of Dettmers et al. 2022 (8-bit optimizers). On the host.
//   offset = mean(s);  nested_scale = max |s − offset| of 256;  q = code of x = (s − offset)·(1/nested_scale)
// with the bits of bitsandbytes' CPU path (0.50.2, csrc/cpu_ops.cpp: quantize_cpu): x falls on one of 65536 evenly
// spaced values of [−1, 1], and that one gets the nearest code, so that codes 124 to 130 are never used; a block whose
// nested_scale is 0 gets code 0. Its CUDA kernel searches the map itself. The mean has the order of additions of
// torch's CPU sum (2.15, SumKernel.cpp) on one thread: from 32768 blocks on torch's own depends on the number of its
// threads.
#pragma once

#include <array>

#include "kernels/quant4/quant4.h"

namespace llmft {

// Signed, ascending: from −0.993 to 1; 127 is 0.
const std::array<float, kNestedCodes>& dynamic_map();

struct NestedEncode {
    const float* scales;
    int64_t count;          // at least 1
    uint8_t* codes;         // count
    float* nested_scales;   // ⌈count/256⌉
};
// Returns the offset.
float encode_nested(const NestedEncode&);

}   // namespace llmft
