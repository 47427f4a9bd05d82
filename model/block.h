// A transformer block, the figure of the paper: pre-norm attention and pre-norm SwiGLU, each added to the residual
// stream.
#pragma once

#include "model/mlp.h"
#include "model/names.h"

namespace llmft {

struct Block {
    Attention attention;
    Mlp mlp;
};

// Every module of a block that has weights: visit(Hugging Face's name, Norm&), visit(LinearGroup&). Block may be const.
template <class AnyBlock, class Visitor>
void visit_modules(AnyBlock& b, Visitor&& visit) {
    visit(names::kInputNorm, b.attention.norm);
    visit(b.attention.qkv);
    if (b.attention.head_norms) {
        visit(names::kQNorm, b.attention.head_norms->q);
        visit(names::kKNorm, b.attention.head_norms->k);
    }
    visit(b.attention.o);
    visit(names::kPostNorm, b.mlp.norm);
    visit(b.mlp.gate_up);
    visit(b.mlp.down);
}

// A visitor of several lambdas.
template <class... Visitors>
struct Visits : Visitors... {
    using Visitors::operator()...;
};
template <class... Visitors>
Visits(Visitors...) -> Visits<Visitors...>;   // clang 14 does not find it by itself

// Room for what forward leaves, as the policy says; from the arena's stack, in the caller's Mark.
BlockSaved take_saved(const Block&, int64_t tokens, int64_t channels, DType dtype, Recompute policy, Arena& arena);

// saved.x (T, C) → x_out (T, C).
void block_forward(const Block&, const BlockSaved& saved, const Tensor& x_out, const LayerContext&, Run&);

// d_x (T, C | P): gradient of x_out in, of saved.x out. What the policy dropped is rerun in scratch.
void block_backward(const Block&, const BlockSaved& saved, const Tensor& d_x, AttentionHalfBackward::Input input,
                    const LayerContext&, Run&);

// Forward only: nothing is kept for a backward. cache: null, or where keys and values go.
void block_evaluate(const Block&, const Tensor& x, const Tensor& x_out, const KeyValueCache* cache, const LayerContext&,
                    Run&);

}   // namespace llmft
