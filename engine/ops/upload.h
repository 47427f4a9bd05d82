// Host matrix → tensor of any float dtype on any device, converted on the way.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

// host: dense rows of dst's shape, of `dtype`; it may be a mapped file. Waits until the host bytes are free to go.
void upload_converted(const Tensor& dst, const void* host, DType dtype, Run& run);
// The other way: dense f32 rows.
void download_f32(float* host, const Tensor& src, Run& run);

}   // namespace llmft::ops
