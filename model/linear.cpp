#include "model/linear.h"

#include <algorithm>

#include "engine/ops/bias.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/gemm.h"
#include "engine/ops/gemv.h"

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
                        c.parameters.grad(*part.b), run);
    }
    const Arena::Mark scratch(run.arena);
    weight_gradient(d_s.columns(0, g.ranks), adapter_input(g, t.x, c, run), c.parameters.grad(*g.a), run);
}

// Of the weights and biases that are trained themselves.
void own_gradients(const LinearGroup& g, const LinearBackward& t, const LinearContext& c, Run& run) {
    if (g.trained == g.n && g.trained > 0) weight_gradient(t.d_y, t.x, c.parameters.grad(*g.w), run);
    for (const LinearPart& part : g.parts) {
        const Tensor d_y = t.d_y.columns(part.first_row, part.rows);
        if (part.trains_weight && g.trained != g.n)
            weight_gradient(d_y, t.x, c.parameters.grad(*g.w).row_slice(part.first_trained, part.rows), run);
        if (part.bias) ops::bias_gradient({.d_y = d_y, .d_bias = c.parameters.grad(*part.bias), .scale = 1}, run);
        if (part.lora_bias)
            ops::bias_gradient({.d_y = d_y, .d_bias = c.parameters.grad(*part.lora_bias), .scale = part.scaling}, run);
    }
}

void publish_biases(const LinearGroup& g, const WeightStore& weights, const ParameterSet& parameters, Run& run) {
    const auto put = [&](WeightId id, const LinearPart& part, size_t block, float scale) {
        const Tensor to = weights.resident(id).columns(part.first_row, part.rows);
        ops::cast({.x = parameters.value(block), .y = to, .scale = scale}, run);
    };
    for (const LinearPart& part : g.parts) {
        if (part.bias) put(g.bias, part, *part.bias, 1);
        if (part.lora_bias) put(g.lora_bias, part, *part.lora_bias, part.scaling);
    }
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

bool LinearGroup::trains() const {
    return a || w || std::any_of(parts.begin(), parts.end(), [](const LinearPart& part) { return part.bias; });
}

void project(const Projection& p, const LinearContext& c, Run& run) {
    if (c.mode == LinearContext::Mode::kDecode)
        return ops::gemv({.x = p.x, .w = p.w, .y = p.y, .out_mode = p.out_mode}, run);
    ops::gemm({.a = p.x, .a_op = Transpose::kNo, .b = p.w, .b_op = Transpose::kYes, .c = p.y, .out_mode = p.out_mode},
              run);
}

void linear_forward(const LinearGroup& g, const LinearForward& t, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(g.weight, Pass::kForward, run);
    if (g.p > 0) {
        const Arena::Mark scratch(run.arena);
        project({.x = adapter_input(g, t.x, c, run),
                 .w = lease.weight.row_slice(g.n, g.p).columns(0, g.k),
                 .y = t.x.columns(g.k, g.p),
                 .out_mode = OutMode::kOverwrite},
                c, run);
        if (t.s) keep_scaled(g, t.x.columns(g.k, g.p), t.s, run);
    }
    project({.x = t.x.columns(0, g.k + g.p), .w = lease.weight.row_slice(0, g.n), .y = t.y, .out_mode = t.out_mode}, c,
            run);
    for (const WeightId bias : {g.bias, g.lora_bias})
        if (bias) ops::add_bias({.y = t.y, .bias = c.weights.acquire(bias, Pass::kForward, run).weight}, run);
}

void linear_backward(const LinearGroup& g, const LinearBackward& t, const LinearContext& c, Run& run) {
    const Lease lease = c.weights.acquire(g.weight, Pass::kBackward, run);
    const Tensor& w = lease.weight;
    own_gradients(g, t, c, run);
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
    if (g.w)
        for (const LinearPart& part : g.parts) {
            if (!part.trains_weight) continue;
            const Tensor master = parameters.value(*g.w).row_slice(part.first_trained, part.rows);
            const Tensor copy = weights.base_rows(g.weight, part.first_row, part.rows);
            if (master.data != copy.data) ops::cast({.x = master, .y = copy, .scale = 1}, run);
        }
    publish_biases(g, weights, parameters, run);
    if (g.p == 0) return;
    ops::cast({.x = parameters.value(*g.a), .y = weights.spare_rows(g.weight).row_slice(0, g.ranks), .scale = 1}, run);
    for (const LinearPart& part : g.parts) {
        if (part.rank == 0) continue;
        const Tensor columns = weights.spare_columns(g.weight);
        ops::cast({.x = parameters.value(*part.b),
                   .y = columns.row_slice(part.first_row, part.rows).columns(part.first_spare, part.rank),
                   .scale = part.scaling},
                  run);
    }
}

}   // namespace llmft
