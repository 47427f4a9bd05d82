#include <doctest/doctest.h>

#include <fmt/format.h>

#include "kernels/rows/rows.h"
#include "tests/harness/op_case.h"

namespace llmft::test {
namespace {

enum class Move : uint8_t { kGather, kScatter };

constexpr int64_t kTokens = 11;

// Distinct indices, some of them negative.
Fill some_rows() {
    return [](Random&, int64_t, int64_t i) { return i % 3 == 1 ? -1.0 : static_cast<double>((i * 4 + 2) % kTokens); };
}

OpCase move(Move which, int64_t rows, int64_t cols, DType type) {
    const bool gather = which == Move::kGather;
    const int64_t x_rows = gather ? kTokens : rows, y_rows = gather ? rows : kTokens;
    return {.name = fmt::format("{}_rows {} rows={} cols={}", gather ? "gather" : "scatter", name(type), rows, cols),
            .slots = {{.name = "index", .rows = 1, .cols = rows, .dtype = DType::kI32, .fill = some_rows()},
                      {.name = "x", .rows = x_rows, .cols = cols, .dtype = type, .fill = integers(100), .padding = 3},
                      {.name = "y",
                       .rows = y_rows,
                       .cols = cols,
                       .dtype = type,
                       .role = gather ? Role::kOut : Role::kInOut,
                       .fill = integers(100),
                       .padding = 1,
                       .tolerance = {.why = "a copy"}}},
            .cpu =
                [=](const Slots& s) {
                    const MoveRows args{
                        .x = s["x"], .y = s["y"], .index = s.data<int32_t>("index"), .rows = rows, .cols = cols};
                    gather ? cpu::gather_rows(args) : cpu::scatter_rows(args);
                },
            .reference =
                [=](Matrices& m) {
                    for (int64_t i = 0; i < rows; ++i)
                        for (int64_t c = 0; c < cols; ++c) {
                            const int64_t at = m["index"].index(i);
                            if (gather)
                                m["y"](i, c) = at < 0 ? 0.0 : m["x"](at, c);
                            else if (at >= 0)
                                m["y"](at, c) = m["x"](i, c);
                        }
                },
            .bytes = static_cast<double>(2 * rows * cols * size_bytes(type))};
}

}   // namespace

TEST_CASE("gather_rows picks rows and zeroes the unpicked; scatter_rows puts them back and leaves the others") {
    for (const Move which : {Move::kGather, Move::kScatter})
        for (const DType type : {DType::kF32, DType::kBf16, DType::kI32, DType::kU8})
            for (const int64_t cols : {1, 16, 17, 577})
                for (const int64_t rows : {0, 1, 8}) check_op(move(which, rows, cols, type));
}

}   // namespace llmft::test
