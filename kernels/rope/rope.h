// Rotary position embedding, half-split layout (transformers, modeling_llama.py: rotate_half): per head, with a, b the
// halves,
//   a' = a·cos − b·sin,   b' = b·cos + a·sin,   angle[t,i] = positions[t] · inv_freq[i]
// The table is made once for a micro-batch; the backward is the rotation by the opposite angle.
// All views of a call have one dtype, f32 or bf16. Angles are products rounded to f32, as transformers makes them; sine
// and cosine are then right to one f32 ulp for angles up to 1.6e6.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct RopeTable {
    const int32_t* positions;   // (T)
    const float* inv_freq;      // (D/2)
    View cos;                   // (T, D/2) compute dtype, times `scaling`
    View sin;                   // (T, D/2)
    int64_t tokens;
    int64_t half;    // D/2
    float scaling;   // attention_scaling of the rope kind; 1 for default and llama3
};

enum class RopeDirection : uint8_t { kForward, kBackward };

struct RopeApply {
    View x;     // (T, heads·D), rotated in place
    View cos;   // (T, D/2)
    View sin;   // (T, D/2)
    int64_t tokens;
    int64_t heads;
    int64_t half;   // D/2
    RopeDirection direction;
};

namespace cpu {
void rope_table(const RopeTable&);
void rope_apply(const RopeApply&);
}   // namespace cpu
namespace cuda {
void rope_table(const RopeTable&, StreamHandle);
void rope_apply(const RopeApply&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
