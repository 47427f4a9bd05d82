#include <doctest/doctest.h>

#include <fmt/format.h>

#include "kernels/cast/cast.h"
#include "tests/harness/op_case.h"

namespace llmft::test {
namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kBf16, DType::kF16};

OpCase cast(int64_t rows, int64_t cols, DType from, DType to, float scale) {
    const bool exact = scale == 1.0f && (to == from || to == DType::kF32);
    const Tolerance tolerance{.rel = exact ? 0.0 : 1.01 * half_ulp(to) + 0x1p-24,
                              .abs = to == DType::kF16 ? 0x1p-25 : 0.0,
                              .why = "the product and one rounding; abs: half of f16's smallest"};
    return {
        .name = fmt::format("cast {} to {} ({}, {}) × {}", name(from), name(to), rows, cols, scale),
        .slots = {{.name = "x", .rows = rows, .cols = cols, .dtype = from, .padding = 3},
                  {.name = "y",
                   .rows = rows,
                   .cols = cols,
                   .dtype = to,
                   .role = Role::kOut,
                   .padding = 6,
                   .tolerance = tolerance}},
        .cpu =
            [=](const Slots& s) { cpu::cast({.x = s["x"], .y = s["y"], .rows = rows, .cols = cols, .scale = scale}); },
        .reference =
            [=](Matrices& m) {
                for (size_t i = 0; i < m["x"].values.size(); ++i)
                    m["y"].values[i] = m["x"].values[i] * static_cast<double>(scale);
            },
        .flops = static_cast<double>(rows * cols),
        .bytes = static_cast<double>(rows * cols * (size_bytes(from) + size_bytes(to)))};
}

}   // namespace

TEST_CASE("cast converts and scales between any two float dtypes with one rounding") {
    for (const DType from : kFloats)
        for (const DType to : kFloats)
            for (const float scale : {1.0f, -0.3f}) {
                for (const int64_t cols : {1, 15, 16, 17, 63, 65, 577}) check_op(cast(3, cols, from, to, scale));
                check_op(cast(0, 16, from, to, scale));
                check_op(cast(100, 577, from, to, scale));
            }
}

TEST_CASE("cast by one between equal dtypes copies the bits of NaN") {
    OpCase op = cast(1, 40, DType::kBf16, DType::kBf16, 1.0f);
    op.slots[0].fill = constant(NAN);
    op.slots[1].tolerance = {.why = "a copy", .nan = Nan::kWhereWanted};
    check_op(op);
}

TEST_CASE("cast in place scales a matrix") {
    OpCase op = cast(3, 35, DType::kF32, DType::kF32, 0.5f);
    op.slots = {op.slots[0]};
    op.slots[0].role = Role::kInOut;
    op.cpu = [](const Slots& s) { cpu::cast({.x = s["x"], .y = s["x"], .rows = 3, .cols = 35, .scale = 0.5f}); };
    op.reference = [](Matrices& m) {
        for (double& v : m["x"].values) v *= 0.5;
    };
    check_op(op);
}

}   // namespace llmft::test
