// Checked decoding of four-bit weights; see kernels/quant4/quant4.h.
#pragma once

#include "engine/quant/quant4_tensor.h"

namespace llmft::ops {

struct Quant4Decode {
    const Quant4Tensor& weight;
    Tensor y;   // the weight's (rows, cols), any float dtype
};
void quant4_decode(const Quant4Decode&, Run&);

}   // namespace llmft::ops
