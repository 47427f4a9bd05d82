#include "engine/ops/cross_entropy.h"

#include "engine/ops/launch.h"
#include "kernels/reduce/reduce.h"

namespace llmft::ops {

void cross_entropy(const CrossEntropy& a, Run& run) {
    constexpr const char* kOp = "cross_entropy";
    expect_float(kOp, "logits", a.logits);
    expect_shape(kOp, "targets", a.targets, 1, a.logits.rows);
    expect_dtype(kOp, "targets", a.targets, DType::kI32);
    if (a.d_logp) {
        expect_shape(kOp, "d_logp", a.d_logp, 1, a.logits.rows);
        expect_dtype(kOp, "d_logp", a.d_logp, DType::kF32);
    }
    expect_shape(kOp, "loss", a.loss, 1, a.logits.rows);
    expect_dtype(kOp, "loss", a.loss, DType::kF32);
    expect_shape(kOp, "correct", a.correct, 1, a.logits.rows);
    expect_dtype(kOp, "correct", a.correct, DType::kI32);
    const double passes = a.after == LogitsAfter::kGradient ? 2 : 1;
    launch<llmft::CrossEntropy>(
        kOp, {.flops = 4 * passes * static_cast<double>(a.logits.count()), .bytes = passes * bytes(a.logits)},
        {.logits = a.logits.view(),
         .targets = static_cast<int32_t*>(a.targets.data),
         .d_logp = static_cast<float*>(a.d_logp.data),
         .loss = static_cast<float*>(a.loss.data),
         .correct = static_cast<int32_t*>(a.correct.data),
         .rows = a.logits.rows,
         .vocab = a.logits.cols,
         .after = a.after},
        cpu::cross_entropy, cuda::cross_entropy, run);
}

void loss_sums(const LossSums& a, Run& run) {
    constexpr const char* kOp = "loss_sums";
    expect_dtype(kOp, "loss", a.loss, DType::kF32);
    expect_shape(kOp, "correct", a.correct, 1, a.loss.cols);
    expect_dtype(kOp, "correct", a.correct, DType::kI32);
    expect_shape(kOp, "sums", a.sums, 1, 2);
    expect_dtype(kOp, "sums", a.sums, DType::kF64);
    launch<llmft::LossSums>(
        kOp, {.flops = 2.0 * static_cast<double>(a.loss.count()), .bytes = bytes(a.loss) + bytes(a.correct)},
        {.loss = static_cast<float*>(a.loss.data),
         .correct = static_cast<int32_t*>(a.correct.data),
         .sums = static_cast<double*>(a.sums.data),
         .rows = a.loss.cols},
        cpu::loss_sums, cuda::loss_sums, run);
}

}   // namespace llmft::ops
