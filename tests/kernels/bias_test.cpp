#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "kernels/bias/bias.h"
#include "tests/harness/op_case.h"
#include "tests/reference/bias.h"

namespace llmft::test {
namespace {

constexpr float kScale = 1.25f;   // exact in every dtype

OpCase add(int64_t rows, int64_t cols, DType type, DType bias_type) {
    return {.name = fmt::format("add_bias {} {} T={} N={}", name(type), name(bias_type), rows, cols),
            .slots = {{.name = "y",
                       .rows = rows,
                       .cols = cols,
                       .dtype = type,
                       .role = Role::kInOut,
                       .padding = 5,
                       .tolerance = {.rel = 0x1p-24 + (type == DType::kF32 ? 0.0 : 1.01 * half_ulp(type)),
                                     .why = "one addition in f32, one rounding to the dtype"}},
                      {.name = "bias", .rows = 1, .cols = cols, .dtype = bias_type}},
            .cpu = [=](const Slots& s) { cpu::add_bias({.y = s["y"], .bias = s["bias"], .rows = rows, .cols = cols}); },
            .reference = [](Matrices& m) { reference::add_bias(m["y"], m["bias"]); },
            .flops = static_cast<double>(rows * cols),
            .bytes = static_cast<double>(2 * rows * cols * size_bytes(type))};
}

OpCase gradient(int64_t rows, int64_t cols, DType type) {
    // Partial sums of normal terms stay below 8·√T; a block makes 64 additions, and each of T/64 blocks one more.
    const double additions = 64.0 + static_cast<double>(rows) / 64.0;
    return {
        .name = fmt::format("bias_gradient {} T={} N={}", name(type), rows, cols),
        .slots = {{.name = "d_y", .rows = rows, .cols = cols, .dtype = type, .padding = 3},
                  {.name = "d_bias",
                   .rows = 1,
                   .cols = cols,
                   .dtype = DType::kF32,
                   .role = Role::kInOut,
                   .tolerance = {.rel = 0x1p-23,
                                 .abs = 8.0 * std::sqrt(static_cast<double>(rows)) * additions * 0x1p-24,
                                 .why = "sums of T terms, in blocks of 64"}}},
        .cpu =
            [=](const Slots& s) {
                cpu::bias_gradient(
                    {.d_y = s["d_y"], .d_bias = s.data<float>("d_bias"), .rows = rows, .cols = cols, .scale = kScale});
            },
        .reference = [](Matrices& m) { reference::bias_gradient(m["d_y"], m["d_bias"], kScale); },
        .flops = static_cast<double>(rows * cols),
        .bytes = static_cast<double>(rows * cols * size_bytes(type))};
}

}   // namespace

TEST_CASE("add_bias adds one row to every row, at odd sizes and for every dtype of the bias") {
    for (const DType type : {DType::kF32, DType::kBf16})
        for (const DType bias : {DType::kF32, DType::kBf16, DType::kF16}) {
            for (const int64_t cols : {1, 15, 16, 17, 63, 65, 577}) check_op(add(3, cols, type, bias));
            check_op(add(0, 16, type, bias));
            check_op(add(130, 577, type, bias));
        }
}

TEST_CASE("bias_gradient sums rows in a fixed order at odd sizes, onto what is there") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        for (const int64_t cols : {1, 15, 16, 17, 63, 64, 65, 577}) check_op(gradient(3, cols, type));
        for (const int64_t rows : {0, 1, 64, 65, 200, 1000}) check_op(gradient(rows, 130, type));
    }
}

TEST_CASE("the reference's bias gradient is that of its forward") {
    Matrix bias = random_matrix("bias", 1, 5), d_bias(1, 5);
    const Matrix x = random_matrix("x", 4, 5), d_y = random_matrix("d_y", 4, 5);
    reference::bias_gradient(d_y, d_bias, 1);
    check_gradient("d_bias", bias, d_bias, [&] {
        Matrix y = x;
        reference::add_bias(y, bias);
        return dot(y, d_y);
    });
}

}   // namespace llmft::test
