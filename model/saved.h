// What a block's forward leaves for its backward, all in the compute dtype unless said. The norms' and SwiGLU's outputs
// are not kept: they are rebuilt elementwise, and so is dropout's masked input. Policies drop more and rerun it.
#pragma once

#include "engine/core/tensor.h"

namespace llmft {

// What is dropped in forward and rerun in backward, per block (tools/planner.h chooses).
enum class Recompute : uint8_t {
    kNone,   // keep everything below
    kFfn,    // drop gate_up: rerun the gate/up product
    kFull,   // keep x and s_down alone: rerun the block, but for its last product
};

struct AttentionSaved {
    Tensor qkv;     // (T, (H + 2Hk)·D) after RoPE; where heads have norms, before both
    Tensor out;     // (T, H·D), room for S of o_proj beside it
    Tensor lse;     // (T, H) f32
    Tensor s_qkv;   // (T, P) s·S of q,k,v; empty without adapters
    Tensor s_o;     // (T, P)
};

struct MlpSaved {
    Tensor gate_up;     // (T, 2F), room for dS beside it: its gradient overwrites it
    Tensor s_gate_up;   // (T, P)
    Tensor s_down;      // (T, P)
};

struct BlockSaved {
    Tensor x;   // (T, C) the block's input
    AttentionSaved attention;
    Tensor x_mid;   // (T, C) between attention and MLP
    MlpSaved mlp;
};

}   // namespace llmft
