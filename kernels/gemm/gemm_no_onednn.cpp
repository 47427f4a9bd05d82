#include "kernels/gemm/gemm_onednn.h"

namespace llmft::cpu {

void gemm_onednn(const Gemm&) {
    throw InternalError("gemm: built without oneDNN");
}

bool gemm_onednn_has(DType) {
    return false;
}

std::string gemm_library() {
    return "";
}

}   // namespace llmft::cpu
