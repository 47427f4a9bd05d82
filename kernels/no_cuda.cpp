// Link-time stand-ins of the CUDA dialect for a build without it, one line per entry point: a forgotten one is a link
// error that names it. None can be reached: engine/core/device_no_cuda.cpp refuses to make the device.
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/bias/bias.h"
#include "kernels/cast/cast.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/dropout/dropout.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemv/gemv.h"
#include "kernels/quant4/quant4.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/rope/rope.h"
#include "kernels/rows/rows.h"
#include "kernels/swiglu/swiglu.h"

namespace llmft::cuda {
namespace {
[[noreturn]] void missing(const char* entry) {
    throw InternalError(std::string("cuda::") + entry + ": built without CUDA");
}
}   // namespace

#define LLMFT_MISSING(function, Args)          \
    void function(const Args&, StreamHandle) { \
        missing(#function);                    \
    }

LLMFT_MISSING(adamw_step, AdamwStep)
LLMFT_MISSING(add_bias, AddBias)
LLMFT_MISSING(attention_backward, AttentionBackward)
LLMFT_MISSING(attention_forward, AttentionForward)
LLMFT_MISSING(bias_gradient, BiasGradient)
LLMFT_MISSING(cast, Cast)
LLMFT_MISSING(clip_scale, ClipScale)
LLMFT_MISSING(cross_entropy, CrossEntropy)
LLMFT_MISSING(dropout, Dropout)
LLMFT_MISSING(embedding_backward, EmbeddingBackward)
LLMFT_MISSING(embedding_forward, EmbeddingForward)
LLMFT_MISSING(gather_rows, MoveRows)
LLMFT_MISSING(gemm, Gemm)
LLMFT_MISSING(gemv, Gemv)
LLMFT_MISSING(loss_sums, LossSums)
LLMFT_MISSING(quant4_decode, Quant4Decode)
LLMFT_MISSING(rmsnorm_backward, RmsNormBackward)
LLMFT_MISSING(rmsnorm_forward, RmsNormForward)
LLMFT_MISSING(rope_apply, RopeApply)
LLMFT_MISSING(rope_table, RopeTable)
LLMFT_MISSING(scatter_rows, MoveRows)
LLMFT_MISSING(sum_squares, SumSquares)
LLMFT_MISSING(swiglu_backward, SwigluBackward)
LLMFT_MISSING(swiglu_forward, SwigluForward)

#undef LLMFT_MISSING

}   // namespace llmft::cuda
