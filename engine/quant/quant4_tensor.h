// A weight in four bits on a device: what ops::quant4_decode reads.
#pragma once

#include "engine/core/run.h"
#include "engine/quant/quant4_data.h"

namespace llmft {

struct Quant4Tensor {
    int64_t rows = 0;
    int64_t cols = 0;
    // Of what was uploaded:
    int64_t block = Quant4Data::kBlock;   // elements of a scale
    DType encoded = DType::kF32;          // what the weight was
    Tensor codes;                         // (1, ⌈rows·cols/2⌉) u8
    Tensor scales;                        // (1, blocks) f32; nested: u8
    Tensor nested_scales;                 // (1, ⌈blocks/256⌉) f32; empty without double quantisation
    Tensor tables;                        // (1, 16) f32, values of the codes; nested: (1, 16 + 256 + 1), then those of
                                          // the scales' codes, then the offset

    DoubleQuant double_quant() const { return nested_scales ? DoubleQuant::kYes : DoubleQuant::kNo; }
    int64_t blocks() const { return (rows * cols + block - 1) / block; }
};

// Persistent slots for a weight in blocks of Quant4Data::kBlock or more: codes under `name`, the rest under
// "weights.scales".
Quant4Tensor quant4_slots(std::string_view name, int64_t rows, int64_t cols, DoubleQuant, Arena&);
// The host's bytes are free to go afterwards. InternalError where shape or double quantisation differ from the slots'.
void upload(Quant4Tensor& to, const Quant4Data& from, Run&);

}   // namespace llmft
