#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/half.h"
#include "kernels/rmsnorm/rmsnorm.h"
#include "tests/harness/op_case.h"
#include "tests/reference/rmsnorm.h"

namespace llmft::test {
namespace {

constexpr float kEps = 1e-5f;

struct Types {
    DType x;
    DType w;
    DType y;
};
constexpr Types kTypes[] = {{DType::kF32, DType::kF32, DType::kF32},   {DType::kBf16, DType::kBf16, DType::kBf16},
                            {DType::kBf16, DType::kF32, DType::kBf16}, {DType::kF32, DType::kBf16, DType::kBf16},
                            {DType::kF32, DType::kF32, DType::kBf16},  {DType::kBf16, DType::kF32, DType::kF32}};

// Σ x² runs in chains of C/64 with six steps after them; half its relative error reaches rstd, and its four roundings
// more.
double rstd_error(int64_t cols) {
    return (static_cast<double>(cols) / 128.0 + 7.0) * 0x1p-24;
}

Slot input(const char* name, int64_t rows, int64_t cols, DType type) {
    return {.name = name, .rows = rows, .cols = cols, .dtype = type, .padding = 3};
}

// `cols` are those of one group, the width of w.
OpCase forward(int64_t rows, int64_t cols, const Types& types, Fill x = normal(), int64_t groups = 1) {
    Slot x_slot = input("x", rows, groups * cols, types.x);
    x_slot.fill = std::move(x);
    const double roundings = types.y == DType::kF32 ? 2 * 0x1p-24 : 2.02 * half_ulp(types.y);
    return {.name = fmt::format("rmsnorm_forward {} {} {} T={} G={} C={}", name(types.x), name(types.w), name(types.y),
                                rows, groups, cols),
            .slots = {x_slot,
                      {.name = "w", .rows = 1, .cols = cols, .dtype = types.w},
                      {.name = "y",
                       .rows = rows,
                       .cols = groups * cols,
                       .dtype = types.y,
                       .role = Role::kOut,
                       .padding = 7,
                       .tolerance = {.rel = rstd_error(cols) + roundings,
                                     .why = "rstd's error; rounded before and after the weight"}},
                      {.name = "rstd",
                       .rows = 1,
                       .cols = rows * groups,
                       .dtype = DType::kF32,
                       .role = Role::kOut,
                       .tolerance = {.rel = rstd_error(cols), .why = "see rstd_error"}}},
            .cpu =
                [=](const Slots& s) {
                    cpu::rmsnorm_forward({.x = s["x"],
                                          .w = s["w"],
                                          .y = s["y"],
                                          .rstd = s.data<float>("rstd"),
                                          .rows = rows,
                                          .groups = groups,
                                          .cols = cols,
                                          .eps = kEps});
                },
            .reference =
                [](Matrices& m) {
                    reference::rmsnorm_forward(m["x"], m["w"], static_cast<double>(kEps), m["y"], m["rstd"]);
                },
            .flops = static_cast<double>(4 * rows * groups * cols),
            .bytes = static_cast<double>(rows * groups * cols * (size_bytes(types.x) + size_bytes(types.y)))};
}

OpCase backward(int64_t rows, int64_t cols, const Types& types, int64_t groups = 1) {
    // Inputs are normal: |w·d_y| and |x̂| stay below 32, rstd is at most 2 where C ≥ 15 and 1 is drawn for it elsewhere.
    const double sums = (static_cast<double>(cols) / 64.0 + 16.0) * 0x1p-24;
    const auto terms = static_cast<double>(rows * groups);   // of d_w
    const double d_w_error = 8.0 * std::sqrt(terms) * (64.0 + terms / 64.0) * 0x1p-24;
    return {
        .name = fmt::format("rmsnorm_backward {} {} {} T={} G={} C={}", name(types.x), name(types.w), name(types.y),
                            rows, groups, cols),
        .slots = {input("x", rows, groups * cols, types.x),
                  {.name = "w", .rows = 1, .cols = cols, .dtype = types.w},
                  {.name = "rstd", .rows = 1, .cols = rows * groups, .dtype = DType::kF32, .fill = uniform(0.5, 1.0)},
                  input("d_y", rows, groups * cols, types.y),
                  {.name = "d_x",
                   .rows = rows,
                   .cols = groups * cols,
                   .dtype = types.x,
                   .role = Role::kInOut,
                   .padding = 2,
                   .tolerance = {.rel = half_ulp(types.x),
                                 .abs = 32.0 * sums,
                                 .why = "terms below 32, a chain of C/64; one rounding"}},
                  {.name = "d_w",
                   .rows = 1,
                   .cols = cols,
                   .dtype = DType::kF32,
                   .role = Role::kInOut,
                   .tolerance = {.rel = 0x1p-22, .abs = d_w_error, .why = "sums of T·G terms, in blocks of 64"}}},
        .cpu =
            [=](const Slots& s) {
                cpu::rmsnorm_backward({.x = s["x"],
                                       .w = s["w"],
                                       .rstd = s.data<float>("rstd"),
                                       .d_y = s["d_y"],
                                       .d_x = s["d_x"],
                                       .d_w = s.data<float>("d_w"),
                                       .rows = rows,
                                       .groups = groups,
                                       .cols = cols});
            },
        .reference =
            [](Matrices& m) { reference::rmsnorm_backward(m["x"], m["w"], m["rstd"], m["d_y"], m["d_x"], m["d_w"]); },
        .flops = static_cast<double>(12 * rows * groups * cols),
        .bytes = static_cast<double>(rows * groups * cols * (2 * size_bytes(types.y) + 4 * size_bytes(types.x)))};
}

}   // namespace

TEST_CASE("rmsnorm_forward matches the reference at odd sizes in every mix of dtypes") {
    for (const Types& types : kTypes) {
        for (const int64_t cols : {1, 15, 16, 17, 63, 64, 65, 577}) check_op(forward(3, cols, types));
        check_op(forward(0, 16, types));
        check_op(forward(130, 577, types));
    }
}

TEST_CASE("rmsnorm_forward of zeros is zero, and of huge values does not overflow before 1e19") {
    check_op(forward(2, 64, kTypes[0], constant(0.0)));
    check_op(forward(2, 65, kTypes[0], normal(1e17)));
}

TEST_CASE("rmsnorm_backward matches the reference at odd sizes and adds to what is there") {
    for (const Types& types : kTypes) {
        for (const int64_t cols : {1, 15, 16, 17, 63, 64, 65, 577}) check_op(backward(3, cols, types));
        for (const int64_t rows : {0, 64, 65, 200}) check_op(backward(rows, 130, types));
    }
}

TEST_CASE("rmsnorm_backward without d_w leaves d_x the same") {
    OpCase frozen = backward(5, 65, kTypes[0]);
    frozen.cpu = [](const Slots& s) {
        cpu::rmsnorm_backward({.x = s["x"],
                               .w = s["w"],
                               .rstd = s.data<float>("rstd"),
                               .d_y = s["d_y"],
                               .d_x = s["d_x"],
                               .d_w = nullptr,
                               .rows = 5,
                               .groups = 1,
                               .cols = 65});
    };
    frozen.slots[5].role = Role::kIn;   // d_w: must not change
    check_op(frozen);
}

TEST_CASE("rmsnorm_forward rounds to y's dtype before the weight, as transformers does, and after it") {
    constexpr int64_t kCols = 577;
    std::vector<bf16> x(kCols), w(kCols), y(kCols);
    Random random("two roundings");
    for (size_t c = 0; c < kCols; ++c) {
        x[c] = to_bf16(static_cast<float>(random.normal()));
        w[c] = to_bf16(static_cast<float>(random.normal()));
    }
    float rstd = 0.0f;
    cpu::rmsnorm_forward({.x = {x.data(), DType::kBf16, kCols},
                          .w = {w.data(), DType::kBf16, kCols},
                          .y = {y.data(), DType::kBf16, kCols},
                          .rstd = &rstd,
                          .rows = 1,
                          .groups = 1,
                          .cols = kCols,
                          .eps = kEps});
    for (size_t c = 0; c < kCols; ++c)
        CHECK(y[c].bits == to_bf16(to_f32(w[c]) * to_f32(to_bf16(to_f32(x[c]) * rstd))).bits);
}

TEST_CASE("rmsnorm_forward may write over its input") {
    OpCase in_place = forward(4, 67, kTypes[1], normal(), 3);
    in_place.slots[0].role = Role::kInOut;
    in_place.slots[0].tolerance = in_place.slots[2].tolerance;
    in_place.slots.erase(in_place.slots.begin() + 2);
    in_place.cpu = [](const Slots& s) {
        cpu::rmsnorm_forward({.x = s["x"],
                              .w = s["w"],
                              .y = s["x"],
                              .rstd = s.data<float>("rstd"),
                              .rows = 4,
                              .groups = 3,
                              .cols = 67,
                              .eps = kEps});
    };
    in_place.reference = [](Matrices& m) {
        reference::rmsnorm_forward(m["x"], m["w"], static_cast<double>(kEps), m["x"], m["rstd"]);
    };
    check_op(in_place);
}

TEST_CASE("rmsnorm norms every group of a row by itself, forward and backward") {
    for (const Types& types : kTypes)
        for (const int64_t groups : {2, 3, 9})
            for (const int64_t cols : {1, 16, 33, 64, 128}) {
                check_op(forward(7, cols, types, normal(), groups));
                check_op(backward(7, cols, types, groups));
            }
    check_op(forward(0, 16, kTypes[0], normal(), 2));
    check_op(backward(65, 128, kTypes[1], 9));
}

TEST_CASE("the reference backward of rmsnorm is the gradient of its forward, in two groups too") {
    Matrix x = random_matrix("x", 3, 14), w = random_matrix("w", 1, 7);
    const Matrix d_y = random_matrix("d_y", 3, 14);
    Matrix y(3, 14), rstd(1, 6), d_x(3, 14), d_w(1, 7);
    const auto loss = [&] {
        reference::rmsnorm_forward(x, w, 1e-5, y, rstd);
        return dot(y, d_y);
    };
    loss();
    reference::rmsnorm_backward(x, w, rstd, d_y, d_x, d_w);
    check_gradient("d_x", x, d_x, loss);
    check_gradient("d_w", w, d_w, loss);
}

}   // namespace llmft::test
