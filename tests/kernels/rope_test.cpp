#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "kernels/rope/rope.h"
#include "tests/harness/op_case.h"
#include "tests/reference/rope.h"

namespace llmft::test {
namespace {

double rounding(DType type) {
    return 0x1p-23 + (type == DType::kF32 ? 0.0 : half_ulp(type));
}

OpCase table(int64_t tokens, int64_t half, DType type, Fill positions, float scaling = 1.0f) {
    const Fill inv_freq = [=](Random&, int64_t, int64_t i) {
        return std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
    };
    const Tolerance tolerance{.rel = rounding(type) + (scaling == 1.0f ? 0.0 : 0x1p-24),
                              .why = "one f32 ulp, and one rounding to the dtype and by the factor"};
    return {
        .name = fmt::format("rope_table {} T={} D/2={}", name(type), tokens, half),
        .slots = {{.name = "positions", .rows = 1, .cols = tokens, .dtype = DType::kI32, .fill = std::move(positions)},
                  {.name = "inv_freq", .rows = 1, .cols = half, .dtype = DType::kF32, .fill = inv_freq},
                  {.name = "cos",
                   .rows = tokens,
                   .cols = half,
                   .dtype = type,
                   .role = Role::kOut,
                   .padding = 3,
                   .tolerance = tolerance},
                  {.name = "sin",
                   .rows = tokens,
                   .cols = half,
                   .dtype = type,
                   .role = Role::kOut,
                   .padding = 1,
                   .tolerance = tolerance}},
        .cpu =
            [=](const Slots& s) {
                cpu::rope_table({.positions = s.data<int32_t>("positions"),
                                 .inv_freq = s.data<float>("inv_freq"),
                                 .cos = s["cos"],
                                 .sin = s["sin"],
                                 .tokens = tokens,
                                 .half = half,
                                 .scaling = scaling});
            },
        .reference =
            [=](Matrices& m) {
                reference::rope_table(m["positions"], m["inv_freq"], static_cast<double>(scaling), m["cos"], m["sin"]);
            },
        .flops = static_cast<double>(60 * tokens * half),
        .bytes = static_cast<double>(2 * tokens * half * size_bytes(type))};
}

OpCase apply(int64_t tokens, int64_t heads, int64_t half, DType type, RopeDirection direction) {
    const double sign = direction == RopeDirection::kForward ? 1.0 : -1.0;
    return {.name = fmt::format("rope_apply {} T={} H={} D/2={} {:+}", name(type), tokens, heads, half, sign),
            .slots =
                {{.name = "x",
                  .rows = tokens,
                  .cols = 2 * heads * half,
                  .dtype = type,
                  .role = Role::kInOut,
                  .padding = 5,
                  .tolerance = {.rel = rounding(type),
                                .abs = 8.0 * 0x1p-24,
                                .why = "a product below 8 rounded before the sum; one rounding to the dtype"}},
                 {.name = "cos", .rows = tokens, .cols = half, .dtype = type, .fill = uniform(-1.0, 1.0), .padding = 3},
                 {.name = "sin", .rows = tokens, .cols = half, .dtype = type, .fill = uniform(-1.0, 1.0)}},
            .cpu =
                [=](const Slots& s) {
                    cpu::rope_apply({.x = s["x"],
                                     .cos = s["cos"],
                                     .sin = s["sin"],
                                     .tokens = tokens,
                                     .heads = heads,
                                     .half = half,
                                     .direction = direction});
                },
            .reference = [=](Matrices& m) { reference::rope_apply(m["x"], m["cos"], m["sin"], heads, sign); },
            .flops = static_cast<double>(6 * tokens * heads * half),
            .bytes = static_cast<double>(4 * tokens * heads * half * size_bytes(type))};
}

}   // namespace

TEST_CASE("rope_table is right to one f32 ulp up to position 1e6") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        for (const int64_t half : {1, 15, 16, 17, 32, 64}) check_op(table(9, half, type, integers(1'000'001)));
        check_op(table(0, 16, type, integers(10)));
        check_op(table(300, 32, type, [](Random&, int64_t, int64_t t) { return static_cast<double>(t); }));
        check_op(table(9, 32, type, integers(1'000'001), 1.2079441f));
    }
    check_op(table(20'000, 1, DType::kF32, integers(1'000'001)));
}

TEST_CASE("rope_table is right to one f32 ulp at the f32 angles below 1e6 that are closest to multiples of π/2") {
    // Found by trying every multiple; the remainders are 4e-9 to 2e-8.
    OpCase op = table(1, 6, DType::kF32, constant(1));
    op.slots[1].fill =
        values({0x1.f9cbe2p+7, 0x1.f9cbe2p+8, 0x1.2d97c8p+2, 0x1.9a48dep+15, 0x1.f9cbe2p+9, 0x1.2d97c8p+3});
    check_op(op);
}

TEST_CASE("rope_apply rotates both ways at odd sizes") {
    for (const DType type : {DType::kF32, DType::kBf16})
        for (const RopeDirection direction : {RopeDirection::kForward, RopeDirection::kBackward}) {
            for (const int64_t half : {1, 15, 16, 17, 32, 65}) check_op(apply(3, 2, half, type, direction));
            check_op(apply(0, 2, 16, type, direction));
            check_op(apply(257, 5, 32, type, direction));
        }
}

TEST_CASE("the reference rotation backward is the gradient of the rotation forward") {
    Matrix x = random_matrix("x", 3, 12);
    const Matrix angles = random_matrix("angles", 3, 3), d_y = random_matrix("d_y", 3, 12);
    Matrix cos = angles, sin = angles;
    for (double& v : cos.values) v = std::cos(v);
    for (double& v : sin.values) v = std::sin(v);
    Matrix d_x = d_y;
    reference::rope_apply(d_x, cos, sin, 2, -1.0);
    check_gradient("d_x", x, d_x, [&] {
        Matrix y = x;
        reference::rope_apply(y, cos, sin, 2, 1.0);
        return dot(y, d_y);
    });
}

}   // namespace llmft::test
