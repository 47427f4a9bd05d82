#include <doctest/doctest.h>

#include <fmt/format.h>

#include "kernels/reduce/reduce.h"
#include "tests/harness/op_case.h"

namespace llmft::test {
namespace {

OpCase sum_squares(int64_t count, OutMode mode, const Fill& fill = normal()) {
    const int64_t blocks = (count + kReduceBlock - 1) / kReduceBlock;
    return {
        .name = fmt::format("sum_squares n={}", count),
        .slots = {{.name = "x", .rows = 1, .cols = count, .dtype = DType::kF32, .fill = fill},
                  {.name = "partials",
                   .rows = 1,
                   .cols = blocks,
                   .dtype = DType::kF64,
                   .role = Role::kOut,
                   .tolerance = {.rel = 1e-13, .why = "see out"}},
                  {.name = "out",
                   .rows = 1,
                   .cols = 1,
                   .dtype = DType::kF64,
                   .role = mode == OutMode::kOverwrite ? Role::kOut : Role::kInOut,
                   .fill = constant(0.75),
                   .tolerance = {.rel = 1e-13,
                                 .why =
                                     "squares of f32 are exact in double; 128 + blocks additions of positive terms"}}},
        .cpu =
            [=](const Slots& s) {
                cpu::sum_squares({.x = s.data<float>("x"),
                                  .partials = s.data<double>("partials"),
                                  .out = s.data<double>("out"),
                                  .count = count,
                                  .out_mode = mode});
            },
        .reference =
            [=](Matrices& m) {
                double total = 0.0;
                for (int64_t b = 0; b < blocks; ++b) m["partials"][b] = 0.0;
                for (int64_t i = 0; i < count; ++i) m["partials"][i / kReduceBlock] += m["x"][i] * m["x"][i];
                for (int64_t b = 0; b < blocks; ++b) total += m["partials"][b];
                m["out"][0] = mode == OutMode::kAccumulate ? m["out"][0] + total : total;
            },
        .flops = static_cast<double>(2 * count),
        .bytes = static_cast<double>(4 * count)};
}

}   // namespace

TEST_CASE("sum_squares adds in double over blocks, at odd sizes, over and onto what is there") {
    for (const OutMode mode : {OutMode::kOverwrite, OutMode::kAccumulate})
        for (const int64_t count : {0, 1, 31, 32, 33, 4095, 4096, 4097, 8 * 4096 + 1, 100'003})
            check_op(sum_squares(count, mode));
}

TEST_CASE("sum_squares neither overflows where f32 would nor hides an infinity") {
    check_op(sum_squares(577, OutMode::kOverwrite, constant(1e38)));
    check_op(sum_squares(577, OutMode::kOverwrite,
                         [](Random& random, int64_t, int64_t i) { return i == 300 ? INFINITY : random.normal(); }));
}

TEST_CASE("loss_sums adds loss and correct to the running sums") {
    for (const int64_t rows : {0, 1, 17, 577})
        check_op({.name = fmt::format("loss_sums Q={}", rows),
                  .slots = {{.name = "loss", .rows = 1, .cols = rows, .dtype = DType::kF32, .fill = uniform(0.0, 12.0)},
                            {.name = "correct", .rows = 1, .cols = rows, .dtype = DType::kI32, .fill = integers(2)},
                            {.name = "sums",
                             .rows = 1,
                             .cols = 2,
                             .dtype = DType::kF64,
                             .role = Role::kInOut,
                             .fill = constant(3.0),
                             .tolerance = {.rel = 1e-13, .why = "double sums of positive terms"}}},
                  .cpu =
                      [=](const Slots& s) {
                          cpu::loss_sums({.loss = s.data<float>("loss"),
                                          .correct = s.data<int32_t>("correct"),
                                          .sums = s.data<double>("sums"),
                                          .rows = rows});
                      },
                  .reference =
                      [=](Matrices& m) {
                          m["sums"][0] += dot(m["loss"], Matrix(1, rows, 1.0));
                          m["sums"][1] += dot(m["correct"], Matrix(1, rows, 1.0));
                      }});
}

}   // namespace llmft::test
