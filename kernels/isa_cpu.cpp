// One line per entry of the CPU dialect: the public function forwards to the copy compiled for this processor.
#include "kernels/base/isa.h"

#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/bias/bias.h"
#include "kernels/cast/cast.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/dropout/dropout.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gemm/gemm_portable.h"
#include "kernels/gemv/gemv.h"
#include "kernels/quant4/quant4.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/rope/rope.h"
#include "kernels/rows/rows.h"
#include "kernels/swiglu/swiglu.h"

namespace llmft {
namespace {

#if defined(__x86_64__)
// Feature by feature, as clang 14 does not know the levels' names. F16C, LZCNT and MOVBE came with AVX2 and BMI2.
Isa best_isa() {
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    return v4 ? Isa::kV4 : v3 ? Isa::kV3 : Isa::kV2;
}
#else
Isa best_isa() {
    return Isa::kBaseline;
}
#endif

Isa& chosen() {
    static Isa value = best_isa();
    return value;
}

}   // namespace

Isa isa() {
    return chosen();
}

const char* name(Isa which) {
    switch (which) {
        case Isa::kBaseline: return "baseline";
        case Isa::kV2: return "x86-64-v2";
        case Isa::kV3: return "x86-64-v3";
        case Isa::kV4: return "x86-64-v4";
    }
    return "?";
}

bool set_isa(Isa which) {
    const Isa best = best_isa();
    const bool have = best == Isa::kBaseline ? which == best : which != Isa::kBaseline && which <= best;
    if (have) chosen() = which;
    return have;
}

namespace cpu {

#if defined(__x86_64__)
#define LLMFT_ENTRY(function, Args)                   \
    namespace v2 {                                    \
    void function(const Args&);                       \
    }                                                 \
    namespace v3 {                                    \
    void function(const Args&);                       \
    }                                                 \
    namespace v4 {                                    \
    void function(const Args&);                       \
    }                                                 \
    void function(const Args& args) {                 \
        switch (isa()) {                              \
            case Isa::kV4: return v4::function(args); \
            case Isa::kV3: return v3::function(args); \
            default: return v2::function(args);       \
        }                                             \
    }
#else
#define LLMFT_ENTRY(function, Args)   \
    namespace baseline {              \
    void function(const Args&);       \
    }                                 \
    void function(const Args& args) { \
        baseline::function(args);     \
    }
#endif

LLMFT_ENTRY(adamw_step, AdamwStep)
LLMFT_ENTRY(add_bias, AddBias)
LLMFT_ENTRY(attention_backward, AttentionBackward)
LLMFT_ENTRY(attention_forward, AttentionForward)
LLMFT_ENTRY(bias_gradient, BiasGradient)
LLMFT_ENTRY(cast, Cast)
LLMFT_ENTRY(clip_scale, ClipScale)
LLMFT_ENTRY(cross_entropy, CrossEntropy)
LLMFT_ENTRY(dropout, Dropout)
LLMFT_ENTRY(embedding_backward, EmbeddingBackward)
LLMFT_ENTRY(embedding_forward, EmbeddingForward)
LLMFT_ENTRY(gather_rows, MoveRows)
LLMFT_ENTRY(gemm_portable, Gemm)
LLMFT_ENTRY(gemv, Gemv)
LLMFT_ENTRY(loss_sums, LossSums)
LLMFT_ENTRY(quant4_decode, Quant4Decode)
LLMFT_ENTRY(quant4_encode, Quant4Encode)
LLMFT_ENTRY(rmsnorm_backward, RmsNormBackward)
LLMFT_ENTRY(rmsnorm_forward, RmsNormForward)
LLMFT_ENTRY(rope_apply, RopeApply)
LLMFT_ENTRY(rope_table, RopeTable)
LLMFT_ENTRY(scatter_rows, MoveRows)
LLMFT_ENTRY(sum_squares, SumSquares)
LLMFT_ENTRY(swiglu_backward, SwigluBackward)
LLMFT_ENTRY(swiglu_forward, SwigluForward)

#undef LLMFT_ENTRY

}   // namespace cpu
}   // namespace llmft
