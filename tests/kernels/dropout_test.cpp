#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "kernels/dropout/dropout.h"
#include "tests/harness/op_case.h"
#include "tests/reference/dropout.h"

namespace llmft::test {
namespace {

constexpr reference::DropoutKey kKey{.probability = 0.25, .seed = 42, .module = 7, .step = 1000};

OpCase dropout(int64_t rows, int64_t cols, DType x, DType y, const reference::DropoutKey& key, OutMode mode) {
    const Tolerance tolerance{.rel = 3.0 * 0x1p-24 + (y == DType::kF32 ? 0.0 : half_ulp(y)),
                              .abs = mode == OutMode::kAccumulate ? 8.0 * 0x1p-24 : 0.0,
                              .why = "the factor, the product, the sum of terms below 8, the dtype"};
    return {.name = fmt::format("dropout {} to {} T={} cols={} p={}", name(x), name(y), rows, cols, key.probability),
            .slots = {{.name = "x", .rows = rows, .cols = cols, .dtype = x, .padding = 3},
                      {.name = "y",
                       .rows = rows,
                       .cols = cols,
                       .dtype = y,
                       .role = mode == OutMode::kOverwrite ? Role::kOut : Role::kInOut,
                       .padding = 5,
                       .tolerance = tolerance},
                      {.name = "example", .rows = 1, .cols = rows, .dtype = DType::kI32, .fill = integers(1000)},
                      {.name = "positions", .rows = 1, .cols = rows, .dtype = DType::kI32, .fill = integers(2048)}},
            .cpu =
                [=](const Slots& s) {
                    cpu::dropout({.x = s["x"],
                                  .y = s["y"],
                                  .example = s.data<int32_t>("example"),
                                  .positions = s.data<int32_t>("positions"),
                                  .rows = rows,
                                  .cols = cols,
                                  .probability = static_cast<float>(key.probability),
                                  .seed = key.seed,
                                  .module = key.module,
                                  .step = key.step,
                                  .out_mode = mode});
                },
            .reference =
                [=](Matrices& m) {
                    Matrix dropped(rows, cols);
                    reference::dropout(m["x"], m["example"], m["positions"], key, dropped);
                    for (size_t i = 0; i < dropped.values.size(); ++i)
                        m["y"].values[i] = dropped.values[i] + (mode == OutMode::kAccumulate ? m["y"].values[i] : 0.0);
                },
            .bytes = static_cast<double>(rows * cols * (size_bytes(x) + size_bytes(y)))};
}

}   // namespace

TEST_CASE("dropout draws the mask that its header defines, at odd sizes, over and onto what is there") {
    for (const DType x : {DType::kF32, DType::kBf16})
        for (const DType y : {DType::kF32, DType::kBf16})
            for (const OutMode mode : {OutMode::kOverwrite, OutMode::kAccumulate}) {
                for (const int64_t cols : {1, 7, 8, 9, 15, 17, 64, 65, 127, 128, 129, 577})
                    check_op(dropout(3, cols, x, y, kKey, mode));
                check_op(dropout(0, 16, x, y, kKey, mode));
                check_op(dropout(70, 577, x, y, kKey, mode));
            }
}

TEST_CASE("dropout with p = 0 keeps everything and with p next to 1 drops everything") {
    reference::DropoutKey key = kKey;
    key.probability = 0.0;
    check_op(dropout(3, 577, DType::kF32, DType::kF32, key, OutMode::kOverwrite));
    key.probability = static_cast<double>(0x1.fffffep-1f);
    check_op(dropout(3, 577, DType::kF32, DType::kF32, key, OutMode::kOverwrite));
}

TEST_CASE("dropout in place") {
    OpCase op = dropout(3, 133, DType::kBf16, DType::kBf16, kKey, OutMode::kOverwrite);
    op.slots[0].role = Role::kInOut;
    op.slots[0].tolerance = op.slots[1].tolerance;
    op.slots.erase(op.slots.begin() + 1);
    op.cpu = [](const Slots& s) {
        cpu::dropout({.x = s["x"],
                      .y = s["x"],
                      .example = s.data<int32_t>("example"),
                      .positions = s.data<int32_t>("positions"),
                      .rows = 3,
                      .cols = 133,
                      .probability = 0.25f,
                      .seed = kKey.seed,
                      .module = kKey.module,
                      .step = kKey.step,
                      .out_mode = OutMode::kOverwrite});
    };
    op.reference = [](Matrices& m) { reference::dropout(m["x"], m["example"], m["positions"], kKey, m["x"]); };
    check_op(op);
}

TEST_CASE("dropout keeps a share of 1 − p and gives every module, step, example and position another mask") {
    constexpr int64_t kRows = 200, kCols = 512;
    const auto mask = [&](uint32_t module, uint32_t step, int32_t example, int32_t position) {
        Matrix ones(kRows, kCols, 1.0), y(kRows, kCols), examples(1, kRows, example), positions(1, kRows);
        for (int64_t t = 0; t < kRows; ++t) positions[t] = static_cast<double>(t + position);
        reference::dropout(ones, examples, positions, {.probability = 0.05, .seed = 1, .module = module, .step = step},
                           y);
        return y;
    };
    const Matrix first = mask(0, 0, 0, 0);
    double kept = 0.0;
    for (const double v : first.values) kept += v != 0.0 ? 1.0 : 0.0;
    const double n = kRows * kCols;
    CHECK(std::fabs(kept / n - 0.95) <= 4.0 * std::sqrt(0.05 * 0.95 / n));   // four standard deviations
    for (const Matrix& other : {mask(1, 0, 0, 0), mask(0, 1, 0, 0), mask(0, 0, 1, 0), mask(0, 0, 0, kRows)}) {
        double both_dropped = 0.0;
        for (size_t i = 0; i < first.values.size(); ++i)
            both_dropped += first.values[i] == 0.0 && other.values[i] == 0.0 ? 1.0 : 0.0;
        CHECK(std::fabs(both_dropped / n - 0.0025) <= 4.0 * std::sqrt(0.0025 / n));   // independent masks
    }
}

}   // namespace llmft::test
