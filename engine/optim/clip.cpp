#include "engine/optim/clip.h"

#include <cmath>

#include "engine/ops/update.h"

namespace llmft {

GradientScale::GradientScale(Arena& arena)
    : sum_squares_(arena.persistent("step.scalars", DType::kF64, 1, 1)),
      norm_(arena.persistent("step.scalars", DType::kF64, 1, 1)),
      factor_(arena.persistent("step.scalars", DType::kF32, 1, 1)) {}

void GradientScale::measure(const Tensor& grads, double count, double max_norm, Run& run) {
    ops::sum_squares({.x = grads, .out = sum_squares_, .out_mode = OutMode::kOverwrite}, run);
    ops::clip_scale({.sum_squares = sum_squares_,
                     .norm = norm_,
                     .grad_scale = factor_,
                     .inv_count = 1 / count,
                     .max_norm = max_norm},
                    run);
}

double GradientScale::norm(Run& run) const {
    double norm = 0;
    run.device.download(&norm, norm_, run.stream);
    return norm;
}

bool GradientScale::all_finite(const Tensor& flat, Run& run) const {
    // Squares of f32 cannot overflow f64.
    ops::sum_squares({.x = flat, .out = sum_squares_, .out_mode = OutMode::kOverwrite}, run);
    double sum = 0;
    run.device.download(&sum, sum_squares_, run.stream);
    return std::isfinite(sum);
}

}   // namespace llmft
