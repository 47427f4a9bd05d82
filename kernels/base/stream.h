// What kernels know of a stream: an opaque handle, null on the CPU. Owners are in engine/core/device.h.
#pragma once

struct CUstream_st;

namespace llmft {
using StreamHandle = CUstream_st*;
}
