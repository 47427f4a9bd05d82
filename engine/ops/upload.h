// Host matrix → tensor of any float dtype on any device, converted on the way.
#pragma once

#include <vector>

#include "engine/core/run.h"

namespace llmft::ops {

// host: dense rows of dst's shape, of `dtype`; it may be a mapped file. Waits until the host bytes are free to go.
void upload_converted(const Tensor& dst, const void* host, DType dtype, Run& run);
// The same on the host alone: `count` elements.
void convert(void* to, DType to_dtype, const void* from, DType from_dtype, int64_t count);
std::vector<float> converted_to_f32(const void* host, DType dtype, int64_t count);
// The other way: dense rows of `dtype`. Takes no room in the arena: a run's last act must not be the one that does not
// fit.
void download_converted(void* host, DType dtype, const Tensor& src, Run& run);

}   // namespace llmft::ops
