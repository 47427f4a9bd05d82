#include "model/block.h"

namespace llmft {
namespace {

AttentionSaved take_attention(const Attention& a, int64_t tokens, DType dtype, Arena& arena) {
    return {.qkv = arena.take("saved.qkv", dtype, tokens, a.qkv.n),
            .out = arena.take("saved.attention", dtype, tokens, a.o.k, a.o.k + a.o.p),
            .lse = arena.take("saved.lse", DType::kF32, tokens, a.heads),
            .s_qkv = a.qkv.p ? arena.take("saved.lora_s", dtype, tokens, a.qkv.p) : Tensor{},
            .s_o = a.o.p ? arena.take("saved.lora_s", dtype, tokens, a.o.p) : Tensor{}};
}

// s_down is kept under every policy: the rerun stops before it.
MlpSaved take_mlp(const Mlp& m, int64_t tokens, DType dtype, const Tensor& s_down, Arena& arena) {
    return {.gate_up = arena.take("saved.gate_up", dtype, tokens, m.gate_up.n, m.gate_up.n + m.gate_up.p),
            .s_gate_up = m.gate_up.p ? arena.take("saved.lora_s", dtype, tokens, m.gate_up.p) : Tensor{},
            .s_down = s_down};
}

enum class Through : uint8_t { kGateUp, kOutput };

// The whole block, with scratch of the caller's Mark for whatever `saved` has no room for.
BlockSaved run_block(const Block& b, const BlockSaved& saved, const Tensor& x_out, Through through,
                     const KeyValueCache* cache, const LayerContext& c, Run& run) {
    const Tensor& x = saved.x;
    BlockSaved full = saved;
    if (!full.attention.qkv) full.attention = take_attention(b.attention, x.rows, x.dtype, run.arena);
    if (!full.x_mid) full.x_mid = run.arena.take("saved.x_mid", x.dtype, x.rows, x.cols);
    if (!full.mlp.gate_up) full.mlp = take_mlp(b.mlp, x.rows, x.dtype, full.mlp.s_down, run.arena);
    attention_forward(b.attention, x, full.attention, full.x_mid, cache, c, run);
    mlp_gate_up_forward(b.mlp, full.x_mid, full.mlp, c, run);
    if (through == Through::kOutput) mlp_down_forward(b.mlp, full.x_mid, full.mlp, x_out, c, run);
    return full;
}

}   // namespace

BlockSaved take_saved(const Block& b, int64_t tokens, int64_t channels, DType dtype, Recompute policy, Arena& arena) {
    BlockSaved saved;
    saved.x = arena.take("saved.x", dtype, tokens, channels);
    if (b.mlp.down.p) saved.mlp.s_down = arena.take("saved.lora_s", dtype, tokens, b.mlp.down.p);
    if (policy == Recompute::kFull) return saved;
    saved.attention = take_attention(b.attention, tokens, dtype, arena);
    saved.x_mid = arena.take("saved.x_mid", dtype, tokens, channels);
    if (policy == Recompute::kNone) saved.mlp = take_mlp(b.mlp, tokens, dtype, saved.mlp.s_down, arena);
    return saved;
}

void block_forward(const Block& b, const BlockSaved& saved, const Tensor& x_out, const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    run_block(b, saved, x_out, Through::kOutput, nullptr, c, run);
}

void block_evaluate(const Block& b, const Tensor& x, const Tensor& x_out, const KeyValueCache* cache, const LayerContext& c,
                    Run& run) {
    const Arena::Mark scratch(run.arena);
    BlockSaved saved;
    saved.x = x;
    run_block(b, saved, x_out, Through::kOutput, cache, c, run);
}

void block_backward(const Block& b, const BlockSaved& saved, const Tensor& d_x, AttentionHalfBackward::Input input,
                    const LayerContext& c, Run& run) {
    const Arena::Mark scratch(run.arena);
    BlockSaved full = saved;
    if (!saved.attention.qkv) {
        full = run_block(b, saved, {}, Through::kGateUp, nullptr, c, run);
    } else if (!saved.mlp.gate_up) {
        full.mlp = take_mlp(b.mlp, d_x.rows, d_x.dtype, saved.mlp.s_down, run.arena);
        mlp_gate_up_forward(b.mlp, saved.x_mid, full.mlp, c, run);
    }
    mlp_backward(b.mlp, full.mlp, {.x_mid = full.x_mid, .d_x = d_x}, c, run);
    attention_backward(b.attention, full.attention, {.x = full.x, .d_x = d_x, .input = input}, c, run);
}

}   // namespace llmft
