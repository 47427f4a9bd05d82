#include "model/embedding.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/embedding.h"
#include "engine/ops/gemm.h"

namespace llmft {
namespace {

// A's columns of the tokens (T, R), in scratch of the caller's Mark.
Tensor look_up_a(const Embedding& e, const Tensor& ids, const LinearContext& c, Run& run) {
    const Lease a = c.weights.acquire(e.lora_a, Pass::kForward, run);
    const Tensor y = run.arena.take("embedding.lora_s", a.weight.dtype, ids.cols, e.rank);
    ops::embedding_forward({.ids = ids, .table = a.weight, .y = y}, run);
    return y;
}

}   // namespace

void embedding_forward(const Embedding& e, const Tensor& ids, const Tensor& x, const LinearContext& c, Run& run) {
    const Lease table = c.weights.acquire(e.weight, Pass::kForward, run);
    ops::embedding_forward({.ids = ids, .table = table.weight, .y = x}, run);
    if (e.rank == 0) return;
    const Arena::Mark scratch(run.arena);
    const Lease b = c.weights.acquire(e.lora_b, Pass::kForward, run);
    project({.x = look_up_a(e, ids, c, run), .w = b.weight, .y = x, .out_mode = OutMode::kAccumulate}, c, run);
}

void embedding_backward(const Embedding& e, const Tensor& ids, const Tensor& d_x, const LinearContext& c, Run& run) {
    if (e.w) ops::embedding_backward({.ids = ids, .d_y = d_x, .d_table = c.parameters.grad(*e.w)}, run);
    if (e.rank == 0) return;
    const Arena::Mark scratch(run.arena);
    const Tensor s = look_up_a(e, ids, c, run);
    ops::cast({.x = s, .y = s, .scale = e.scaling}, run);
    ops::gemm({.a = d_x,
               .a_op = Transpose::kYes,
               .b = s,
               .b_op = Transpose::kNo,
               .c = c.parameters.grad(*e.b),
               .out_mode = OutMode::kAccumulate},
              run);
    const Lease b = c.weights.acquire(e.lora_b, Pass::kBackward, run);
    const Tensor d_s = run.arena.take("embedding.d_lora_s", d_x.dtype, d_x.rows, e.rank);
    ops::gemm({.a = d_x,
               .a_op = Transpose::kNo,
               .b = b.weight,
               .b_op = Transpose::kNo,
               .c = d_s,
               .out_mode = OutMode::kOverwrite},
              run);
    ops::embedding_backward({.ids = ids, .d_y = d_s, .d_table = c.parameters.grad(*e.a)}, run);
}

void embedding_publish(const Embedding& e, const WeightStore& weights, const ParameterSet& parameters, Run& run) {
    const auto publish = [&](WeightId id, const BlockId& block, float scale) {
        if (!block) return;
        const Tensor copy = weights.resident(id), master = parameters.value(*block);
        if (copy.data != master.data) ops::cast({.x = master, .y = copy, .scale = scale}, run);
    };
    publish(e.weight, e.w, 1);
    publish(e.lora_a, e.a, 1);
    publish(e.lora_b, e.b, e.scaling);
}

}   // namespace llmft
