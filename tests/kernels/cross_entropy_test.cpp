#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/cross_entropy/cross_entropy.h"
#include "tests/harness/op_case.h"
#include "tests/reference/cross_entropy.h"

namespace llmft::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Shape {
    int64_t rows;
    int64_t vocab;
    DType type;
    LogitsAfter after = LogitsAfter::kGradient;
    enum class Rows : uint8_t { kSummed, kWeighted } weights = Rows::kSummed;   // kWeighted: d_logp is given
};

// z − m is exact to half an ulp of |z − m| ≤ 2·spread, which exp turns into a relative error; exp itself 1.25 ulp; the
// sum's chains are 64 long with six steps after them.
double relative_error(double spread) {
    return (2.0 * spread + 2.5 + 64.0 + 6.0) * 0x1p-24;
}

OpCase cross_entropy(const Shape& shape, double spread, Fill logits, Fill targets) {
    const double rel = relative_error(spread);
    const bool gradient = shape.after == LogitsAfter::kGradient;
    const bool weighted = shape.weights == Shape::Rows::kWeighted;
    return {
        .name = fmt::format("cross_entropy {} Q={} V={}", name(shape.type), shape.rows, shape.vocab),
        .slots = {{.name = "logits",
                   .rows = shape.rows,
                   .cols = shape.vocab,
                   .dtype = shape.type,
                   .role = gradient ? Role::kInOut : Role::kIn,
                   .fill = std::move(logits),
                   .padding = 3,
                   .tolerance = {.rel = rel + half_ulp(shape.type),
                                 .abs = rel,
                                 .why = "see relative_error; p − 1 keeps p's",
                                 .nan = Nan::kWhereWanted}},
                  {.name = "targets", .rows = 1, .cols = shape.rows, .dtype = DType::kI32, .fill = std::move(targets)},
                  {.name = "d_logp",
                   .rows = 1,
                   .cols = shape.rows,
                   .dtype = DType::kF32,
                   .fill = weighted ? uniform(-1.0, 1.0) : constant(-1.0)},
                  {.name = "loss",
                   .rows = 1,
                   .cols = shape.rows,
                   .dtype = DType::kF32,
                   .role = Role::kOut,
                   .tolerance = {.rel = 0x1p-24,
                                 .abs = rel,
                                 .why = "the logarithm of the sum's relative error; one rounding",
                                 .nan = Nan::kWhereWanted}},
                  {.name = "correct",
                   .rows = 1,
                   .cols = shape.rows,
                   .dtype = DType::kI32,
                   .role = Role::kOut,
                   .tolerance = {.why = "exact"}}},
        .cpu =
            [=](const Slots& s) {
                cpu::cross_entropy({.logits = s["logits"],
                                    .targets = s.data<int32_t>("targets"),
                                    .d_logp = weighted ? s.data<float>("d_logp") : nullptr,
                                    .loss = s.data<float>("loss"),
                                    .correct = s.data<int32_t>("correct"),
                                    .rows = shape.rows,
                                    .vocab = shape.vocab,
                                    .after = shape.after});
            },
        .reference =
            [](Matrices& m) {
                const Matrix logits_before = m["logits"];
                reference::cross_entropy(logits_before, m["targets"], m["d_logp"], m["loss"], m["correct"],
                                         m["logits"]);
            },
        .flops = static_cast<double>(40 * shape.rows * shape.vocab),
        .bytes = static_cast<double>((gradient ? 3 : 1) * shape.rows * shape.vocab * size_bytes(shape.type))};
}

OpCase plain(const Shape& shape) {
    return cross_entropy(shape, 16.0, normal(4.0), integers(shape.vocab));
}

}   // namespace

TEST_CASE("cross_entropy gives loss, first largest and gradient at odd sizes") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        for (const int64_t vocab : {1, 15, 16, 17, 63, 64, 65, 577, 4095, 4097, 9001})
            for (const int64_t rows : {0, 1, 5}) check_op(plain({rows, vocab, type}));
        check_op(plain({130, 577, type}));
        check_op(plain({7, 100, type, LogitsAfter::kKept}));
    }
}

TEST_CASE("cross_entropy weighs each row's gradient by d_logp, and leaves the losses as they are") {
    for (const DType type : {DType::kF32, DType::kBf16})
        for (const int64_t vocab : {1, 17, 577})
            check_op(plain({5, vocab, type, LogitsAfter::kGradient, Shape::Rows::kWeighted}));
}

TEST_CASE("cross_entropy gives rows without a target no loss and no gradient, all of them included") {
    for (const DType type : {DType::kF32, DType::kBf16}) {
        check_op(cross_entropy({4, 65, type}, 16.0, normal(4.0), values({3, -100, 64, -1})));
        check_op(cross_entropy({4, 65, type}, 16.0, normal(4.0), constant(-100)));
    }
}

TEST_CASE("cross_entropy of equal logits is ln V, and the first of them counts as the largest") {
    for (const int64_t vocab : {17, 4096})
        check_op(
            cross_entropy({3, vocab, DType::kF32}, 1.0, constant(3.0), values({0, 1, static_cast<double>(vocab - 1)})));
}

TEST_CASE("cross_entropy of huge logits neither overflows nor loses the difference") {
    const Fill huge = [](Random& random, int64_t, int64_t) { return 1e30 * random.normal(); };
    check_op(cross_entropy({6, 577, DType::kF32}, 16.0, huge, integers(577)));
    const Fill far = [](Random& random, int64_t, int64_t) { return 30000.0 + random.normal(); };
    check_op(cross_entropy({6, 577, DType::kF32}, 16.0, far, integers(577)));
}

TEST_CASE("cross_entropy takes −inf as probability 0: loss inf at the target, none elsewhere") {
    const Fill mostly_masked = [](Random& random, int64_t row, int64_t col) {
        if (row == 1 && col < 5000) return -kInf;   // more than a block of the sum
        return col % 3 == 0 ? -kInf : random.normal();
    };
    check_op(cross_entropy({3, 9001, DType::kF32}, 16.0, mostly_masked, values({1, 8999, 3})));
    check_op(cross_entropy({2, 33, DType::kBf16}, 16.0, constant(-kInf), constant(1)));   // all: NaN
}

TEST_CASE("cross_entropy of a row with NaN or inf is NaN, and the other rows do not notice") {
    for (const double bad : {static_cast<double>(NAN), kInf})
        for (const int64_t at : {0, 20, 576}) {
            const Fill one_bad = [=](Random& random, int64_t row, int64_t col) {
                return row == 1 && col == at ? bad : random.normal();
            };
            check_op(cross_entropy({3, 577, DType::kF32}, 16.0, one_bad, integers(577)));
            check_op(cross_entropy({3, 577, DType::kBf16}, 16.0, one_bad, integers(577)));
        }
}

TEST_CASE("cross_entropy counts no row with NaN as correct, even where the target is the largest of the rest") {
    const Fill nan_behind = [](Random&, int64_t, int64_t col) { return col == 20 ? NAN : -static_cast<double>(col); };
    check_op(cross_entropy({1, 65, DType::kF32}, 65.0, nan_behind, constant(0)));
}

TEST_CASE("the reference gradient of cross_entropy is the gradient of the summed loss") {
    Matrix logits = random_matrix("logits", 4, 9, normal(2.0));
    Matrix targets(1, 4);
    targets.values = {0, 8, -100, 3};
    Matrix loss(1, 4), correct(1, 4), d_logits(4, 9), unused(4, 9);
    const Matrix d_logp = random_matrix("d_logp", 1, 4);
    reference::cross_entropy(logits, targets, d_logp, loss, correct, d_logits);
    check_gradient("d_logits", logits, d_logits, [&] {
        reference::cross_entropy(logits, targets, d_logp, loss, correct, unused);
        return -dot(loss, d_logp);   // loss = −log-probability
    });
}

}   // namespace llmft::test
