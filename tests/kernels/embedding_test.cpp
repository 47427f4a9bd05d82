#include <doctest/doctest.h>

#include <fmt/format.h>

#include "kernels/embedding/embedding.h"
#include "tests/harness/op_case.h"
#include "tests/reference/embedding.h"

namespace llmft::test {
namespace {

constexpr int64_t kVocab = 7;   // small, so that ids repeat

OpCase forward(int64_t tokens, int64_t cols, DType table, DType y) {
    return {
        .name = fmt::format("embedding_forward {} to {} T={} C={}", name(table), name(y), tokens, cols),
        .slots = {{.name = "ids", .rows = 1, .cols = tokens, .dtype = DType::kI32, .fill = integers(kVocab)},
                  {.name = "table", .rows = kVocab, .cols = cols, .dtype = table, .padding = 3},
                  {.name = "y",
                   .rows = tokens,
                   .cols = cols,
                   .dtype = y,
                   .role = Role::kOut,
                   .padding = 5,
                   .tolerance = {.rel = table == y ? 0.0 : half_ulp(y),
                                 .why = "a copy; one rounding where the dtype changes"}}},
        .cpu =
            [=](const Slots& s) {
                cpu::embedding_forward(
                    {.ids = s.data<int32_t>("ids"), .table = s["table"], .y = s["y"], .tokens = tokens, .cols = cols});
            },
        .reference = [](Matrices& m) { reference::embedding_forward(m["ids"], m["table"], m["y"]); },
        .bytes = static_cast<double>(tokens * cols * (size_bytes(table) + size_bytes(y)))};
}

OpCase backward(int64_t tokens, int64_t cols, DType d_y) {
    return {.name = fmt::format("embedding_backward {} T={} C={}", name(d_y), tokens, cols),
            .slots = {{.name = "ids", .rows = 1, .cols = tokens, .dtype = DType::kI32, .fill = integers(kVocab)},
                      {.name = "d_y", .rows = tokens, .cols = cols, .dtype = d_y, .padding = 3},
                      {.name = "d_table",
                       .rows = kVocab,
                       .cols = cols,
                       .dtype = DType::kF32,
                       .role = Role::kInOut,
                       .padding = 1,
                       .tolerance = {.abs = static_cast<double>(tokens) * 16.0 * 0x1p-24,
                                     .why = "a rounding per token of sums below 16·√T"}}},
            .cpu =
                [=](const Slots& s) {
                    cpu::embedding_backward({.ids = s.data<int32_t>("ids"),
                                             .d_y = s["d_y"],
                                             .d_table = s["d_table"],
                                             .tokens = tokens,
                                             .cols = cols});
                },
            .reference = [](Matrices& m) { reference::embedding_backward(m["ids"], m["d_y"], m["d_table"]); },
            .flops = static_cast<double>(tokens * cols),
            .bytes = static_cast<double>(tokens * cols * (size_bytes(d_y) + 8))};
}

}   // namespace

TEST_CASE("embedding_forward copies rows at odd sizes, rounding once where the dtype changes") {
    for (const DType table : {DType::kF32, DType::kBf16})
        for (const DType y : {DType::kF32, DType::kBf16})
            for (const int64_t cols : {1, 15, 16, 17, 64, 65, 577})
                for (const int64_t tokens : {0, 1, 45}) check_op(forward(tokens, cols, table, y));
}

TEST_CASE("embedding_backward adds repeated ids in the order of the tokens") {
    for (const DType d_y : {DType::kF32, DType::kBf16})
        for (const int64_t cols : {1, 15, 17, 127, 128, 129, 577})
            for (const int64_t tokens : {0, 1, 45}) check_op(backward(tokens, cols, d_y));
}

}   // namespace llmft::test
