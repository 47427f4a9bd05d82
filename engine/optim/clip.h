// The global gradient norm, and with it the one factor that scales gradients: 1/N and clipping at once, made on the
// device, so that the optimizer needs no read-back.
#pragma once

#include "engine/optim/parameter.h"

namespace llmft {

class GradientScale {
public:
    explicit GradientScale(Arena& arena);
    // grads: the flat gradient of the whole window (sums over ranks). count: N, the predicted tokens of the window.
    // max_norm ≤ 0 does not clip.
    void measure(const Tensor& grads, double count, double max_norm, Run& run);
    Tensor factor() const { return factor_; }   // (1, 1) f32
    // Reads the norm before clipping back to the host.
    double norm(Run& run) const;
    // Whether every number of a flat f32 tensor is finite: reads one scalar back.
    bool all_finite(const Tensor& flat, Run& run) const;

private:
    Tensor sum_squares_, norm_, factor_;
};

}   // namespace llmft
