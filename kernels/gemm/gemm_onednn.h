// The oneDNN engine behind cpu::gemm. gemm_onednn.cpp is the real one; gemm_no_onednn.cpp stands in for it, at link
// time, in a build without the library.
#pragma once

#include "kernels/gemm/gemm.h"

namespace llmft::cpu {

// The whole product as one call on the calling thread alone. A refusal of the library is InternalError with the shape.
// The first use of a shape on a thread creates its primitive (about 1 ms, 10 us where another thread has it already).
void gemm_onednn(const Gemm&);

// Whether oneDNN has products of this dtype here: bf16 needs AVX512_BF16 or AMX. False for everything without the
// library.
bool gemm_onednn_has(DType);

}   // namespace llmft::cpu
