// Rotary position embedding, half-split layout (transformers, modeling_llama.py: rotate_half): per head, with a, b the
// halves,
//   a' = a·cos − b·sin,   b' = b·cos + a·sin,   angle[t,i] = positions[t] · inv_freq[i]
// The table is made once for a micro-batch; the backward is the rotation by the opposite angle.
// Frequencies may follow the length of the document, L = its offsets' difference in cu_k, so that cached keys count
// (transformers, modeling_rope_utils.py, where L is the longest of the batch):
//   kTwoSets   inv_freq's second row where L > original
//   kDynamic   where L > original, 1 / θ'^(2i/D) with θ' = θ·(factor·L/original − (factor − 1))^(D/(D−2)), in f32 but
//   for
//              the powers, which are rounded once
// All views of a call have one dtype, f32 or bf16. Angles are products rounded to f32, as transformers makes them; sine
// and cosine are then right to one f32 ulp for angles up to 1.6e6.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct RopeLengths {
    enum class Rule : uint8_t { kNone, kTwoSets, kDynamic } rule;
    int64_t original;   // tokens: longer documents are long
    float theta;        // kDynamic
    float factor;       // kDynamic
};

struct RopeTable {
    const int32_t* positions;   // (T)
    View inv_freq;              // (1, D/2) f32; under kTwoSets (2, D/2)
    View cos;                   // (T, D/2) compute dtype, times `scaling`
    View sin;                   // (T, D/2)
    const int32_t* cu_q;        // (B + 1) of the T tokens; neither is read under kNone
    const int32_t* cu_k;        // (B + 1)
    int64_t tokens;
    int64_t half;    // D/2, under kDynamic at least 2 and at most kMaxRopeHalf
    float scaling;   // attention_scaling of the rope kind; 1 for most
    RopeLengths lengths;
};

constexpr int64_t kMaxRopeHalf = 128;

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
