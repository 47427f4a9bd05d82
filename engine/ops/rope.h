// Checked rotary embedding; see kernels/rope/rope.h.
#pragma once

#include "engine/core/run.h"
#include "kernels/rope/rope.h"

namespace llmft::ops {

struct RopeTable {
    Tensor positions;   // (1, T) int32
    Tensor inv_freq;    // (1, D/2) f32; (2, D/2) under kTwoSets
    Tensor cos;         // (T, D/2)
    Tensor sin;         // (T, D/2)
    Tensor cu_q;        // (1, B + 1) int32: the documents of the T tokens
    Tensor cu_k;        // (1, B + 1) int32: their lengths, cached keys included
    float scaling;
    RopeLengths lengths;
};
void rope_table(const RopeTable&, Run&);

struct RopeApply {
    Tensor x;     // (T, heads·D), rotated in place
    Tensor cos;   // (T, D/2) x's dtype
    Tensor sin;   // (T, D/2)
    RopeDirection direction;
};
void rope_apply(const RopeApply&, Run&);

}   // namespace llmft::ops
