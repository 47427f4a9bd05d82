#include "kernels/gemm/gemm.h"

#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "tests/harness/guarded.h"
#include "tests/harness/op_case.h"
#include "tests/harness/skip.h"
#include "tests/reference/gemm.h"

namespace llmft::test {
namespace {

struct Size {
    int64_t m, n, k;
};
struct Types {
    DType operand, result;
};
constexpr Types kTypes[] = {{DType::kF32, DType::kF32}, {DType::kBf16, DType::kBf16}, {DType::kBf16, DType::kF32}};
constexpr Transpose kBoth[] = {Transpose::kNo, Transpose::kYes};

enum class Numbers : uint8_t { kWhole, kReal };

// Whole numbers to ±8 make every partial sum exact in f32, in whatever order, so only the last rounding may show. Real
// numbers show the order of sums: a chain of k fmas errs by at most k·u·Σ|a·b|, and uniform a, b in ±1 make that k·u·k.
OpCase gemm_case(GemmEngine engine, Size size, Types types, const GemmForm& form, Numbers numbers) {
    const bool whole = numbers == Numbers::kWhole;
    const int64_t m = size.m, n = size.n, k = size.k;
    const Fill fill =
        whole ? Fill([](Random& random, int64_t, int64_t) { return static_cast<double>(random.below(17)) - 8.0; })
              : uniform(-1.0, 1.0);
    const double u = half_ulp(DType::kF32);
    const double depth = static_cast<double>(k);
    const Tolerance tolerance{.rel = types.result == DType::kF32 && whole ? 0.0 : half_ulp(types.result),
                              .abs = whole ? 0.0 : 1.01 * u * depth * depth,
                              .why = "k·u·Σ|a·b| of an f32 sum, none for whole numbers; one rounding of the result"};
    const bool a_turned = form.a_op == Transpose::kYes;
    const bool b_turned = form.b_op == Transpose::kYes;
    const Role role = form.out_mode == OutMode::kAccumulate ? Role::kInOut : Role::kOut;
    return {.name = fmt::format("gemm {} {}{} M={} N={} K={} {} to {} {} {}",
                                engine == GemmEngine::kOneDnn ? "onednn" : "portable", a_turned ? "T" : "N",
                                b_turned ? "T" : "N", m, n, k, name(types.operand), name(types.result),
                                role == Role::kInOut ? "accumulated" : "overwritten", whole ? "whole" : "real"),
            .slots = {{.name = "a",
                       .rows = a_turned ? k : m,
                       .cols = a_turned ? m : k,
                       .dtype = types.operand,
                       .fill = fill,
                       .padding = 3},
                      {.name = "b",
                       .rows = b_turned ? n : k,
                       .cols = b_turned ? k : n,
                       .dtype = types.operand,
                       .fill = fill,
                       .padding = 5},
                      {.name = "c",
                       .rows = m,
                       .cols = n,
                       .dtype = types.result,
                       .role = role,
                       .fill = fill,
                       .padding = 7,
                       .tolerance = tolerance}},
            .cpu =
                [=](const Slots& s) {
                    cpu::gemm({.a = s["a"],
                               .b = s["b"],
                               .c = s["c"],
                               .a_op = form.a_op,
                               .b_op = form.b_op,
                               .m = m,
                               .n = n,
                               .k = k,
                               .out_mode = form.out_mode,
                               .engine = engine});
                },
            .reference = [=](Matrices& x) { reference_gemm(form, x["a"], x["b"], x["c"]); },
            .flops = 2.0 * static_cast<double>(m * n * k)};
}

void check_every_form(GemmEngine engine, Size size) {
    for (const Types types : kTypes) {
        if (!cpu::gemm_has(engine, types.operand)) continue;
        for (const Transpose a_op : kBoth)
            for (const Transpose b_op : kBoth)
                for (const OutMode out_mode : {OutMode::kOverwrite, OutMode::kAccumulate})
                    check_op(gemm_case(engine, size, types, {a_op, b_op, out_mode}, Numbers::kWhole));
    }
}

void check_every_size(GemmEngine engine) {
    // One, odd, around a vector, around a block, K of one; the last two are cut into panels, of rows and of columns.
    const Size sizes[] = {{1, 1, 1},     {1, 257, 16},   {255, 1, 17},    {15, 16, 17},  {17, 15, 1},
                          {257, 255, 3}, {16, 256, 257}, {300, 310, 257}, {40, 701, 700}};
    for (const Size size : sizes) {
        for (const Types types : kTypes) {
            if (!cpu::gemm_has(engine, types.operand)) continue;
            check_op(
                gemm_case(engine, size, types, {Transpose::kNo, Transpose::kYes, OutMode::kOverwrite}, Numbers::kReal));
            check_op(gemm_case(engine, size, types, {Transpose::kYes, Transpose::kNo, OutMode::kAccumulate},
                               Numbers::kWhole));
        }
    }
}

}   // namespace

TEST_CASE("portable gemm computes every form in every type, with the same bits on every instruction set") {
    check_every_form(GemmEngine::kPortable, {17, 33, 31});
}

TEST_CASE("portable gemm is right at sizes around its blocks") {
    check_every_size(GemmEngine::kPortable);
}

TEST_CASE("oneDNN gemm computes every form in every type, with the same bits for 1, 2 and 3 threads") {
    if (!cpu::gemm_has(GemmEngine::kOneDnn, DType::kF32)) return skip("built without oneDNN");
    check_every_form(GemmEngine::kOneDnn, {17, 33, 31});
}

TEST_CASE("oneDNN gemm is right at sizes around its blocks") {
    if (!cpu::gemm_has(GemmEngine::kOneDnn, DType::kF32)) return skip("built without oneDNN");
    check_every_size(GemmEngine::kOneDnn);
}

TEST_CASE("a row of a portable product has the same bits alone and among others") {
    const int64_t m = 270, n = 301, k = 513;
    Guarded a(m, k, k, DType::kF32), b(k, n, n, DType::kF32), all(m, n, n, DType::kF32), one(1, n, n, DType::kF32);
    a.write(random_matrix("a", m, k));
    b.write(random_matrix("b", k, n));
    Gemm g{.a = a.view(),
           .b = b.view(),
           .c = all.view(),
           .a_op = Transpose::kNo,
           .b_op = Transpose::kNo,
           .m = m,
           .n = n,
           .k = k,
           .out_mode = OutMode::kOverwrite,
           .engine = GemmEngine::kPortable};
    cpu::gemm(g);
    const Matrix whole = all.read();
    for (const int64_t row : {int64_t{0}, int64_t{13}, int64_t{127}, int64_t{128}, m - 1}) {
        g.a.data = a.view().row<float>(row);
        g.c = one.view();
        g.m = 1;
        cpu::gemm(g);
        const Matrix alone = one.read();
        for (int64_t c = 0; c < n; ++c) REQUIRE(alone(0, c) == whole(row, c));
    }
}

TEST_CASE("a gemm that oneDNN has no kernel for is an internal error that names the shape") {
    if (!cpu::gemm_has(GemmEngine::kOneDnn, DType::kF32)) return skip("built without oneDNN");
    float x = 0.0f;
    const View too_narrow{&x, DType::kF32, -1};
    const Gemm g{.a = too_narrow,
                 .b = too_narrow,
                 .c = too_narrow,
                 .a_op = Transpose::kNo,
                 .b_op = Transpose::kNo,
                 .m = 2,
                 .n = 3,
                 .k = 4,
                 .out_mode = OutMode::kOverwrite,
                 .engine = GemmEngine::kOneDnn};
    CHECK_THROWS_WITH_AS(cpu::gemm(g), doctest::Contains("M=2, N=3, K=4"), InternalError);
}

}   // namespace llmft::test
