// How every op starts: shapes and dtypes are checked once, here in engine/ops; then the dialect is picked from the
// device and the cost is counted. Private to engine/ops.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

// InternalError "op: x has shape (5, 64) f32 "name", wanted (5, 80)": a failed check is a bug of llmft, not of its
// user.
void expect_shape(const char* op, const char* operand, const Tensor&, int64_t rows, int64_t cols);
void expect_dtype(const char* op, const char* operand, const Tensor&, DType);
void expect_float(const char* op, const char* operand, const Tensor&);

// Bytes of the matrix's elements, without what lies between rows.
inline double bytes(const Tensor& t) {
    return static_cast<double>(t.count() * size_bytes(t.dtype));
}

// Runs one dialect. The dry device only counts.
template <class Args>
void launch(const char* op, OpCost cost, const Args& args, void (*on_cpu)(const Args&),
            void (*on_cuda)(const Args&, StreamHandle), Run& run) {
    const Profile::Op timed(run.profile, op, cost);
    switch (run.device.kind()) {
        case DeviceKind::kDry: break;
        case DeviceKind::kCpu: on_cpu(args); break;
        case DeviceKind::kCuda:
        case DeviceKind::kSim: on_cuda(args, run.stream.handle()); break;
    }
}

}   // namespace llmft::ops
