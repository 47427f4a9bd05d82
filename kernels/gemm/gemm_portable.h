// The portable GEMM engine, compiled per instruction set; cpu::gemm calls it for GemmEngine::kPortable. bf16 operands
// are widened while they are packed.
#pragma once

#include "kernels/gemm/gemm.h"

namespace llmft::cpu {
void gemm_portable(const Gemm&);
}
