#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/adamw/adamw.h"
#include "tests/harness/op_case.h"
#include "tests/reference/adamw.h"

namespace llmft::test {
namespace {

constexpr reference::AdamwHyper kHyper{.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0.1, .step = 3};

Slot vector(const char* name, int64_t count, Role role, const Fill& fill, const Tolerance& tolerance = {}) {
    return {.name = name,
            .rows = 1,
            .cols = count,
            .dtype = DType::kF32,
            .role = role,
            .fill = fill,
            .tolerance = tolerance};
}

OpCase adamw(int64_t count, const reference::AdamwHyper& h, double scale) {
    return {.name = fmt::format("adamw_step n={} t={}", count, h.step),
            .slots = {vector("param", count, Role::kInOut, normal(),
                             {.rel = 3.0 * 0x1p-24,
                              .abs = 64.0 * h.lr * 0x1p-24,
                              .why = "the decay, its product, the sum; ten roundings of an update of some lr"}),
                      vector("grad", count, Role::kIn, normal(8.0)),
                      vector("m", count, Role::kInOut, normal(0.1),
                             {.rel = 0x1p-23, .abs = 4.0 * 0x1p-24, .why = "terms below 1, four roundings"}),
                      vector("v", count, Role::kInOut, uniform(0.0, 0.1),
                             {.rel = 5.0 * 0x1p-24, .why = "positive terms, five roundings"}),
                      vector("grad_scale", 1, Role::kIn, constant(scale))},
            .cpu =
                [=](const Slots& s) {
                    cpu::adamw_step({.param = s.data<float>("param"),
                                     .grad = s.data<float>("grad"),
                                     .m = s.data<float>("m"),
                                     .v = s.data<float>("v"),
                                     .grad_scale = s.data<float>("grad_scale"),
                                     .count = count,
                                     .lr = h.lr,
                                     .beta1 = h.beta1,
                                     .beta2 = h.beta2,
                                     .eps = h.eps,
                                     .decay = h.decay,
                                     .step = static_cast<int64_t>(h.step)});
                },
            .reference =
                [=](Matrices& m) {
                    if (std::isfinite(m["grad_scale"][0]))
                        reference::adamw_step(m["param"], m["grad"], m["m"], m["v"], m["grad_scale"][0], h);
                },
            .flops = static_cast<double>(16 * count),
            .bytes = static_cast<double>(28 * count)};
}

OpCase clip(double sum_squares, double inv_count, double max_norm, double want_norm, double want_scale) {
    const Slot out{.name = "norm",
                   .rows = 1,
                   .cols = 1,
                   .dtype = DType::kF64,
                   .role = Role::kOut,
                   .tolerance = {.rel = 1e-15, .why = "double", .nan = Nan::kWhereWanted}};
    return {
        .name = fmt::format("clip_scale Σ²={} max={}", sum_squares, max_norm),
        .slots = {{.name = "sum_squares", .rows = 1, .cols = 1, .dtype = DType::kF64, .fill = constant(sum_squares)},
                  out,
                  {.name = "grad_scale",
                   .rows = 1,
                   .cols = 1,
                   .dtype = DType::kF32,
                   .role = Role::kOut,
                   .tolerance = {.rel = 0x1p-24, .why = "one rounding", .nan = Nan::kWhereWanted}}},
        .cpu =
            [=](const Slots& s) {
                cpu::clip_scale({.sum_squares = s.data<double>("sum_squares"),
                                 .inv_count = inv_count,
                                 .max_norm = max_norm,
                                 .norm = s.data<double>("norm"),
                                 .grad_scale = s.data<float>("grad_scale")});
            },
        .reference = [=](Matrices& m) { m["norm"][0] = want_norm, m["grad_scale"][0] = want_scale; }};
}

}   // namespace

TEST_CASE("adamw_step is torch's AdamW, at odd sizes and from the first step on") {
    for (const int64_t count : {0, 1, 15, 16, 17, 577, 16384, 16385, 50'001}) check_op(adamw(count, kHyper, 0.125));
    for (const double step : {1.0, 2.0, 1e6}) {
        reference::AdamwHyper h = kHyper;
        h.step = step;
        check_op(adamw(65, h, 1.0));
    }
    reference::AdamwHyper no_decay = kHyper;
    no_decay.decay = 0.0;
    check_op(adamw(65, no_decay, 1.0));
}

TEST_CASE("adamw_step gives the hand-worked first step: p = 1·(1 − 0.1·0.5) − 0.1·sign(g)") {
    float param = 1.0f, m = 0.0f, v = 0.0f;
    const float grad = -3.0f, scale = 0.5f;
    cpu::adamw_step({.param = &param,
                     .grad = &grad,
                     .m = &m,
                     .v = &v,
                     .grad_scale = &scale,
                     .count = 1,
                     .lr = 0.1,
                     .beta1 = 0.9,
                     .beta2 = 0.99,
                     .eps = 0.0,
                     .decay = 0.5,
                     .step = 1});
    check_close("param", param, 1.05, {.rel = 0x1p-22, .why = "f32"});
    check_close("m", m, -0.15, {.rel = 0x1p-23, .why = "f32"});
    check_close("v", v, 0.0225, {.rel = 0x1p-23, .why = "f32"});
}

TEST_CASE("adamw_step leaves everything alone where the gradient's factor is not finite") {
    for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
        OpCase op = adamw(577, kHyper, bad);
        for (Slot& slot : op.slots) slot.role = Role::kIn;
        check_op(op);
    }
}

TEST_CASE("clip_scale scales down a long gradient only, and never hands on a broken one") {
    check_op(clip(16.0, 0.5, 1.0, 2.0, 0.5 * 1.0 / (2.0 + 1e-6)));
    check_op(clip(16.0, 0.5, 4.0, 2.0, 0.5));
    check_op(clip(16.0, 0.5, 0.0, 2.0, 0.5));
    check_op(clip(0.0, 0.5, 1.0, 0.0, 0.5));
    for (const double max_norm : {0.0, 1.0}) {
        check_op(clip(INFINITY, 0.5, max_norm, INFINITY, NAN));
        check_op(clip(NAN, 0.5, max_norm, NAN, NAN));
    }
}

}   // namespace llmft::test
