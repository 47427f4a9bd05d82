#include "model/norm.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/rmsnorm.h"

namespace llmft {

Tensor norm_forward(const Norm& norm, const Tensor& x, const Tensor& y, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(norm.weight, Pass::kForward, run);
    const Tensor rstd = run.arena.take("norm.rstd", DType::kF32, 1, x.rows * (x.cols / lease.weight.cols));
    ops::rmsnorm_forward({.x = x, .w = lease.weight, .y = y, .rstd = rstd, .eps = norm.eps}, run);
    return rstd;
}

void norm_backward(const Norm& norm, const NormBackward& t, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(norm.weight, Pass::kBackward, run);
    ops::rmsnorm_backward({.x = t.x,
                           .w = lease.weight,
                           .rstd = t.rstd,
                           .d_y = t.d_y,
                           .d_x = t.d_x,
                           .d_w = norm.w ? c.parameters.grad(*norm.w) : Tensor{}},
                          run);
}

void norm_publish(const Norm& norm, const WeightStore& weights, const ParameterSet& parameters, Run& run) {
    if (!norm.w) return;
    const Tensor w = weights.resident(norm.weight), master = parameters.value(*norm.w);
    if (w.data != master.data) ops::cast({.x = master, .y = w, .scale = 1}, run);
}

}   // namespace llmft
