#include <doctest/doctest.h>

#include <fmt/format.h>

#include "kernels/swiglu/swiglu.h"
#include "tests/harness/op_case.h"
#include "tests/reference/swiglu.h"

namespace llmft::test {
namespace {

// exp within 1.25 ulp, i.e. 2.5 half ulps, and a rounding for each of the other steps; then one rounding to the dtype.
Tolerance tolerance(DType type, double steps) {
    return {.rel = (2.5 + steps) * 0x1p-24 + (type == DType::kF32 ? 0.0 : half_ulp(type)),
            .abs = 1e-35,
            .why = "exp, the steps after it, the dtype; abs: e^88 is the end of f32"};
}

Slot matrix(const char* name, int64_t rows, int64_t cols, DType type, Role role, const Tolerance& tolerance = {}) {
    return {.name = name,
            .rows = rows,
            .cols = cols,
            .dtype = type,
            .role = role,
            .fill = normal(2.0),
            .padding = 3,
            .tolerance = tolerance};
}

OpCase forward(int64_t rows, int64_t cols, DType type, Fill gate = normal(2.0)) {
    OpCase op{.name = fmt::format("swiglu_forward {} T={} F={}", name(type), rows, cols),
              .slots = {matrix("gate", rows, cols, type, Role::kIn), matrix("up", rows, cols, type, Role::kIn),
                        matrix("y", rows, cols, type, Role::kOut, tolerance(type, 5))},
              .cpu =
                  [=](const Slots& s) {
                      cpu::swiglu_forward({.gate = s["gate"], .up = s["up"], .y = s["y"], .rows = rows, .cols = cols});
                  },
              .reference = [](Matrices& m) { reference::swiglu_forward(m["gate"], m["up"], m["y"]); },
              .flops = static_cast<double>(20 * rows * cols),
              .bytes = static_cast<double>(3 * rows * cols * size_bytes(type))};
    op.slots[0].fill = std::move(gate);
    return op;
}

// 1 + g·(1 − σ) passes zero near g = −1.28 as σ + silu·(1 − σ) does: there the absolute error of its terms, below 1/2,
// stays.
Tolerance gate_tolerance(DType type) {
    Tolerance t = tolerance(type, 8);
    t.abs = 100.0 * 8.0 * 0x1p-25;
    t.why = "as the forward; abs: where σ·(1 + g·(1 − σ)) passes zero, times |d·u| below 100";
    return t;
}

OpCase backward(int64_t rows, int64_t cols, DType type) {
    return {.name = fmt::format("swiglu_backward {} T={} F={}", name(type), rows, cols),
            .slots = {matrix("gate", rows, cols, type, Role::kIn), matrix("up", rows, cols, type, Role::kIn),
                      matrix("d_y", rows, cols, type, Role::kIn),
                      matrix("d_gate", rows, cols, type, Role::kOut, gate_tolerance(type)),
                      matrix("d_up", rows, cols, type, Role::kOut, tolerance(type, 5))},
            .cpu =
                [=](const Slots& s) {
                    cpu::swiglu_backward({.gate = s["gate"],
                                          .up = s["up"],
                                          .d_y = s["d_y"],
                                          .d_gate = s["d_gate"],
                                          .d_up = s["d_up"],
                                          .rows = rows,
                                          .cols = cols});
                },
            .reference =
                [](Matrices& m) { reference::swiglu_backward(m["gate"], m["up"], m["d_y"], m["d_gate"], m["d_up"]); },
            .flops = static_cast<double>(28 * rows * cols),
            .bytes = static_cast<double>(5 * rows * cols * size_bytes(type))};
}

}   // namespace

TEST_CASE("swiglu matches the reference at odd sizes") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        for (const int64_t cols : {1, 15, 16, 17, 63, 64, 65, 577})
            for (const int64_t rows : {0, 3}) {
                check_op(forward(rows, cols, type));
                check_op(backward(rows, cols, type));
            }
        check_op(forward(100, 577, type));
        check_op(backward(100, 577, type));
    }
}

TEST_CASE("swiglu is exact at the ends of the gate: silu(−200) = 0, silu(200) = 200") {
    for (const double gate : {-200.0, -88.0, 0.0, 88.0, 200.0}) check_op(forward(2, 17, DType::kF32, constant(gate)));
}

TEST_CASE("swiglu_backward may write over gate and up") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        OpCase in_place = backward(4, 67, type);
        in_place.slots = {matrix("gate", 4, 67, type, Role::kInOut, gate_tolerance(type)),
                          matrix("up", 4, 67, type, Role::kInOut, tolerance(type, 5)),
                          matrix("d_y", 4, 67, type, Role::kIn)};
        in_place.cpu = [](const Slots& s) {
            cpu::swiglu_backward({.gate = s["gate"],
                                  .up = s["up"],
                                  .d_y = s["d_y"],
                                  .d_gate = s["gate"],
                                  .d_up = s["up"],
                                  .rows = 4,
                                  .cols = 67});
        };
        in_place.reference = [](Matrices& m) {
            reference::swiglu_backward(m["gate"], m["up"], m["d_y"], m["gate"], m["up"]);
        };
        check_op(in_place);
    }
}

TEST_CASE("the reference backward of swiglu is the gradient of its forward") {
    Matrix gate = random_matrix("gate", 3, 7), up = random_matrix("up", 3, 7);
    const Matrix d_y = random_matrix("d_y", 3, 7);
    Matrix y(3, 7), d_gate(3, 7), d_up(3, 7);
    reference::swiglu_backward(gate, up, d_y, d_gate, d_up);
    const auto loss = [&] {
        reference::swiglu_forward(gate, up, y);
        return dot(y, d_y);
    };
    check_gradient("d_gate", gate, d_gate, loss);
    check_gradient("d_up", up, d_up, loss);
}

}   // namespace llmft::test
