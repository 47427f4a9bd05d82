// Checked rotary embedding; see kernels/rope/rope.h.
#pragma once

#include "engine/core/run.h"
#include "kernels/rope/rope.h"

namespace llmft::ops {

struct RopeTable {
    Tensor positions;   // (1, T) int32
    Tensor inv_freq;    // (1, D/2) f32
    Tensor cos;         // (T, D/2)
    Tensor sin;         // (T, D/2)
    float scaling;
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
