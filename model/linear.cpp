#include "model/linear.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/gemm.h"

namespace llmft {
namespace {

bool drops(const LinearGroup& g, const LinearContext& c) {
    return g.p > 0 && g.dropout > 0 && c.mode == LinearContext::Mode::kTrain;
}

void drop(const LinearGroup& g, const Tensor& x, const Tensor& y, OutMode mode, const LinearContext& c, Run& run) {
    ops::dropout({.x = x,
                  .y = y,
                  .example = c.keys.example,
                  .positions = c.keys.positions,
                  .probability = g.dropout,
                  .module = g.dropout_module,
                  .out_mode = mode},
                 run);
}

// The adapter's input: x itself, or drop(x) in scratch of the caller's Mark.
Tensor adapter_input(const LinearGroup& g, const Tensor& x, const LinearContext& c, Run& run) {
    if (!drops(g, c)) return x;
    const Tensor dropped = run.arena.take("lora.dropped", x.dtype, x.rows, x.cols);
    drop(g, x, dropped, OutMode::kOverwrite, c, run);
    return dropped;
}

// d_W += dYᵀ·X in f32.
void weight_gradient(const Tensor& d_y, const Tensor& x, const Tensor& d_w, Run& run) {
    ops::gemm(
        {.a = d_y, .a_op = Transpose::kYes, .b = x, .b_op = Transpose::kNo, .c = d_w, .out_mode = OutMode::kAccumulate},
        run);
}

// s·S for the backward: d_B = dYᵀ·(s·S).
void keep_scaled(const LinearGroup& g, const Tensor& from, const Tensor& to, Run& run) {
    for (const LinearPart& part : g.parts) {
        if (part.rank == 0) continue;
        ops::cast({.x = from.columns(part.first_spare, part.rank),
                   .y = to.columns(part.first_spare, part.rank),
                   .scale = part.scaling},
                  run);
    }
}

void adapter_gradients(const LinearGroup& g, const LinearBackward& t, const Tensor& d_s, const LinearContext& c,
                       Run& run) {
    for (const LinearPart& part : g.parts) {
        if (part.rank == 0) continue;
        weight_gradient(t.d_y.columns(part.first_row, part.rows), t.s.columns(part.first_spare, part.rank),
                        c.parameters.grad(part.b_block), run);
    }
    const Arena::Mark scratch(run.arena);
    weight_gradient(d_s.columns(0, g.ranks), adapter_input(g, t.x, c, run), c.parameters.grad(g.a_block), run);
}

// dX = dY·W, then dX += mask ⊙ (dS·A)/(1−p).
void input_gradient_with_dropout(const LinearGroup& g, const LinearBackward& t, const Tensor& w, const Tensor& d_s,
                                 const LinearContext& c, Run& run) {
    ops::gemm({.a = t.d_y,
               .a_op = Transpose::kNo,
               .b = w.row_slice(0, g.n).columns(0, g.k),
               .b_op = Transpose::kNo,
               .c = t.d_x,
               .out_mode = OutMode::kOverwrite},
              run);
    const Arena::Mark scratch(run.arena);
    const Tensor through = run.arena.take("lora.dropped", t.d_x.dtype, t.d_x.rows, g.k);
    ops::gemm({.a = d_s,
               .a_op = Transpose::kNo,
               .b = w.row_slice(g.n, g.p).columns(0, g.k),
               .b_op = Transpose::kNo,
               .c = through,
               .out_mode = OutMode::kOverwrite},
              run);
    drop(g, through, t.d_x, OutMode::kAccumulate, c, run);
}

}   // namespace

void linear_forward(const LinearGroup& g, const LinearForward& t, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(g.weight, Pass::kForward, run);
    if (g.p > 0) {
        const Arena::Mark scratch(run.arena);
        ops::gemm({.a = adapter_input(g, t.x, c, run),
                   .a_op = Transpose::kNo,
                   .b = lease.weight.row_slice(g.n, g.p).columns(0, g.k),
                   .b_op = Transpose::kYes,
                   .c = t.x.columns(g.k, g.p),
                   .out_mode = OutMode::kOverwrite},
                  run);
        if (t.s) keep_scaled(g, t.x.columns(g.k, g.p), t.s, run);
    }
    ops::gemm({.a = t.x.columns(0, g.k + g.p),
               .a_op = Transpose::kNo,
               .b = lease.weight.row_slice(0, g.n),
               .b_op = Transpose::kYes,
               .c = t.y,
               .out_mode = t.out_mode},
              run);
}

void linear_backward(const LinearGroup& g, const LinearBackward& t, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(g.weight, Pass::kBackward, run);
    const Tensor& w = lease.weight;
    if (g.training == LinearGroup::Training::kFull) weight_gradient(t.d_y, t.x, c.parameters.grad(g.w_block), run);
    const Tensor d_s = t.d_y.columns(g.n, g.p);
    if (g.p > 0) {
        ops::gemm({.a = t.d_y,
                   .a_op = Transpose::kNo,
                   .b = w.row_slice(0, g.n).columns(g.k, g.p),
                   .b_op = Transpose::kNo,
                   .c = d_s,
                   .out_mode = OutMode::kOverwrite},
                  run);
        adapter_gradients(g, t, d_s, c, run);
    }
    if (!t.d_x) return;
    if (drops(g, c)) return input_gradient_with_dropout(g, t, w, d_s, c, run);
    ops::gemm({.a = t.d_y.columns(0, g.n + g.p),
               .a_op = Transpose::kNo,
               .b = w.columns(0, g.k),
               .b_op = Transpose::kNo,
               .c = t.d_x,
               .out_mode = OutMode::kOverwrite},
              run);
}

void linear_publish(const LinearGroup& g, const WeightStore& weights, const ParameterSet& parameters, Run& run) {
    const Tensor w = weights.resident(g.weight);
    if (g.training == LinearGroup::Training::kFull && w.data != parameters.value(g.w_block).data)
        ops::cast({.x = parameters.value(g.w_block), .y = w, .scale = 1}, run);
    if (g.p == 0) return;
    ops::cast({.x = parameters.value(g.a_block), .y = w.row_slice(g.n, g.ranks).columns(0, g.k), .scale = 1}, run);
    for (const LinearPart& part : g.parts) {
        if (part.rank == 0) continue;
        ops::cast({.x = parameters.value(part.b_block),
                   .y = w.row_slice(part.first_row, part.rows).columns(g.k + part.first_spare, part.rank),
                   .scale = part.scaling},
                  run);
    }
}

}   // namespace llmft
