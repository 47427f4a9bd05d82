#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "kernels/rope/rope.h"
#include "tests/harness/op_case.h"
#include "tests/reference/rope.h"

namespace llmft::test {
namespace {

double rounding(DType type) {
    return 0x1p-23 + (type == DType::kF32 ? 0.0 : half_ulp(type));
}

constexpr RopeLengths kAnyLength = {.rule = RopeLengths::Rule::kNone, .original = 0, .theta = 0, .factor = 0};

// Of each document: tokens in the run, and those with the cached ones before them.
struct Documents {
    std::vector<int32_t> cu_q, cu_k;
    std::vector<int64_t> lengths;    // of every token's document
    std::vector<double> positions;   // of every token

    Documents(const std::vector<int32_t>& queries, const std::vector<int32_t>& keys) : cu_q{0}, cu_k{0} {
        for (size_t d = 0; d < queries.size(); ++d) {
            cu_q.push_back(cu_q.back() + queries[d]);
            cu_k.push_back(cu_k.back() + keys[d]);
            for (int32_t i = 0; i < queries[d]; ++i) {
                lengths.push_back(keys[d]);
                positions.push_back(keys[d] - queries[d] + i);
            }
        }
    }
};

OpCase table(int64_t tokens, int64_t half, DType type, Fill positions, float scaling = 1.0f,
             const RopeLengths& by = kAnyLength, const Documents& documents = {{}, {}}) {
    const int64_t sets = by.rule == RopeLengths::Rule::kTwoSets ? 2 : 1;
    const Fill inv_freq = [=](Random&, int64_t set, int64_t i) {
        return std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half)) / static_cast<double>(1 + set);
    };
    const Tolerance tolerance{.rel = rounding(type) + (scaling == 1.0f ? 0.0 : 0x1p-24),
                              .why = "one f32 ulp, and one rounding to the dtype and by the factor"};
    return {
        .name = fmt::format("rope_table {} T={} D/2={} rule {}", name(type), tokens, half, static_cast<int>(by.rule)),
        .slots =
            {{.name = "positions", .rows = 1, .cols = tokens, .dtype = DType::kI32, .fill = std::move(positions)},
             {.name = "inv_freq", .rows = sets, .cols = half, .dtype = DType::kF32, .fill = inv_freq, .padding = 2},
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
                                 .inv_freq = s["inv_freq"],
                                 .cos = s["cos"],
                                 .sin = s["sin"],
                                 .cu_q = documents.cu_q.data(),
                                 .cu_k = documents.cu_k.data(),
                                 .tokens = tokens,
                                 .half = half,
                                 .scaling = scaling,
                                 .lengths = by});
            },
        .reference =
            [=](Matrices& m) {
                std::vector<int64_t> lengths = documents.lengths;
                lengths.resize(static_cast<size_t>(tokens));
                reference::rope_table(m["positions"], m["inv_freq"], static_cast<double>(scaling), by, lengths,
                                      m["cos"], m["sin"]);
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

TEST_CASE("rope_table takes frequencies by each document's own length, cached keys included") {
    // Below, at and above the original length of 32; none; one new token on 49 cached ones; longer than a task's rows.
    const Documents documents({5, 32, 33, 0, 1, 2, 300}, {5, 32, 33, 40, 50, 20, 300});
    const auto tokens = static_cast<int64_t>(documents.positions.size());
    const Fill positions = values(documents.positions);
    for (const RopeLengths::Rule rule : {RopeLengths::Rule::kTwoSets, RopeLengths::Rule::kDynamic})
        for (const DType type : {DType::kF32, DType::kBf16})
            for (const int64_t half : {2, 15, 16, 33, 128})
                check_op(table(tokens, half, type, positions, 1.25f,
                               {.rule = rule, .original = 32, .theta = 10000.0f, .factor = 2.5f}, documents));
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
