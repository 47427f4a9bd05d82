#include "kernels/gemv/gemv.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>

#include "tests/harness/op_case.h"
#include "tests/reference/gemm.h"

namespace llmft::test {
namespace {

struct Shape {
    int64_t m, n, k;
};

OpCase gemv_case(Shape s, DType operand, DType result, OutMode out_mode) {
    const double depth = static_cast<double>(s.k);
    const Tolerance tolerance{.rel = half_ulp(result),
                              .abs = 1.01 * half_ulp(DType::kF32) * depth * depth,
                              .why = "k·u·Σ|x·w| of an f32 sum of k products below 1; one rounding of the result"};
    const Role role = out_mode == OutMode::kAccumulate ? Role::kInOut : Role::kOut;
    const Fill fill = uniform(-1.0, 1.0);
    return {
        .name = fmt::format("gemv M={} N={} K={} {} to {}{}", s.m, s.n, s.k, name(operand), name(result),
                            role == Role::kInOut ? " accumulated" : ""),
        .slots = {{.name = "x", .rows = s.m, .cols = s.k, .dtype = operand, .fill = fill, .padding = 3},
                  {.name = "w", .rows = s.n, .cols = s.k, .dtype = operand, .fill = fill, .padding = 5},
                  {.name = "y",
                   .rows = s.m,
                   .cols = s.n,
                   .dtype = result,
                   .role = role,
                   .fill = fill,
                   .padding = 7,
                   .tolerance = tolerance}},
        .cpu =
            [=](const Slots& t) {
                cpu::gemv({.x = t["x"], .w = t["w"], .y = t["y"], .m = s.m, .n = s.n, .k = s.k, .out_mode = out_mode});
            },
        .reference =
            [=](Matrices& x) {
                reference_gemm({Transpose::kNo, Transpose::kYes, out_mode}, x["x"], x["w"], x["y"]);
            },
        .flops = 2.0 * static_cast<double>(s.m * s.n * s.k)};
}

}   // namespace

TEST_CASE("gemv is right in every type and around its tiles, with the same bits on every instruction set") {
    for (const Shape s : {Shape{1, 1, 1}, {1, 5, 17}, {3, 4, 16}, {4, 9, 33}, {5, 3, 64}, {8, 257, 31}, {1, 700, 577}})
        for (const OutMode mode : {OutMode::kOverwrite, OutMode::kAccumulate}) {
            check_op(gemv_case(s, DType::kF32, DType::kF32, mode));
            check_op(gemv_case(s, DType::kBf16, DType::kBf16, mode));
            check_op(gemv_case(s, DType::kBf16, DType::kF32, mode));
        }
}

TEST_CASE("a row of gemv has the same bits whatever rows are beside it") {
    constexpr int64_t kRows = 7, kOut = 13, kDepth = 100;
    Random random("rows beside");
    std::vector<float> x(kRows * kDepth), w(kOut * kDepth), all(kRows * kOut), one(kOut);
    for (float& v : x) v = static_cast<float>(random.uniform(-1, 1));
    for (float& v : w) v = static_cast<float>(random.uniform(-1, 1));
    const auto view = [](std::vector<float>& v, int64_t row, int64_t ld) {
        return View{.data = v.data() + row * ld, .dtype = DType::kF32, .ld = ld};
    };
    const auto run = [&](int64_t first, int64_t rows, std::vector<float>& y) {
        cpu::gemv({.x = view(x, first, kDepth),
                   .w = view(w, 0, kDepth),
                   .y = view(y, 0, kOut),
                   .m = rows,
                   .n = kOut,
                   .k = kDepth,
                   .out_mode = OutMode::kOverwrite});
    };
    run(0, kRows, all);
    for (int64_t row = 0; row < kRows; ++row) {
        run(row, 1, one);
        CHECK(std::memcmp(one.data(), all.data() + row * kOut, sizeof(float) * kOut) == 0);
    }
}

}   // namespace llmft::test
