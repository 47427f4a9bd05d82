#include "kernels/attention/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops/attention.h"
#include "tests/harness/guarded.h"
#include "tests/harness/op_case.h"
#include "tests/reference/attention.h"

namespace llmft::test {
namespace {

using Lengths = std::vector<int64_t>;

AttentionShape shape(Lengths queries, Lengths keys, int64_t heads, int64_t kv_heads, int64_t width) {
    return {.queries = std::move(queries),
            .keys = std::move(keys),
            .heads = heads,
            .kv_heads = kv_heads,
            .width = width,
            .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)))};
}
AttentionShape windowed(AttentionShape s, int64_t window) {
    s.window = window;
    return s;
}
AttentionShape shape(const Lengths& lengths, int64_t heads, int64_t kv_heads, int64_t width) {
    return shape(lengths, lengths, heads, kv_heads, width);
}

int64_t total(const Lengths& lengths) {
    return std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
}

std::vector<int32_t> offsets(const Lengths& lengths) {
    std::vector<int32_t> cu{0};
    for (const int64_t length : lengths) cu.push_back(cu.back() + static_cast<int32_t>(length));
    return cu;
}

Fill copy_of(const Matrix& m) {
    return [=](Random&, int64_t row, int64_t col) { return m(row, col); };
}

// Everything of one shape: inputs as the op sees them, and what the reference makes of them.
struct Worked {
    AttentionShape s;
    DType dtype;
    Matrix q, k, v, o, lse, d_o, d_q, d_k, d_v;

    Worked(const AttentionShape& of, DType type) : s(of), dtype(type) {
        const int64_t tq = total(s.queries), tk = total(s.keys);
        q = input("q", tq, s.heads, 3.0);
        k = input("k", tk, s.kv_heads, 1.0);
        v = input("v", tk, s.kv_heads, 1.0);
        d_o = input("d_o", tq, s.heads, 1.0);
        reference_attention_forward(s, q, k, v, o, lse);
        o = rounded(o);
        reference_attention_backward(s, {q, k, v, o, lse, d_o}, d_q, d_k, d_v);
    }

    std::string name(const char* op) const {
        return fmt::format("{} {} queries {} keys {} H={} Hk={} D={} W={}", op, llmft::name(dtype),
                           fmt::join(s.queries, ","), fmt::join(s.keys, ","), s.heads, s.kv_heads, s.width, s.window);
    }

    // Errors of n roundings add up like a random walk, to λ·√n·u of the sum of magnitudes, λ = 8 (Higham and Mary
    // 2019), n what is summed for one number: D for a score, then every key or query of the group. The magnitudes are
    // at most 8 times the largest result here, or a quarter where all results cancel: d_p − δ of a query that sees one
    // key.
    Tolerance tolerance(const Matrix& want, DType type) const {
        double largest = 0.25;
        for (const double x : want.values)
            if (std::isfinite(x)) largest = std::max(largest, std::fabs(x));
        const auto longest = static_cast<double>(std::max(*std::max_element(s.keys.begin(), s.keys.end()), s.width));
        const double n = static_cast<double>(s.width) + longest * static_cast<double>(s.heads / s.kv_heads);
        return {.rel = half_ulp(type),
                .abs = 8.0 * 8.0 * std::sqrt(n) * half_ulp(DType::kF32) * largest,
                .why = "√n·u of the largest, see tolerance(); one rounding of the result"};
    }

private:
    Matrix input(const char* what, int64_t rows, int64_t heads, double size) const {
        return rounded(random_matrix(what, rows, heads * s.width, uniform(-size, size)));
    }
    Matrix rounded(const Matrix& m) const {
        Guarded buffer(m.rows, m.cols, m.cols, dtype);
        buffer.write(m);
        return buffer.read();
    }
};

Slot in(const std::string& name, const Matrix& m, DType dtype, int64_t padding) {
    return {.name = name, .rows = m.rows, .cols = m.cols, .dtype = dtype, .fill = copy_of(m), .padding = padding};
}
Slot out(const std::string& name, const Matrix& want, DType dtype, int64_t padding, const Tolerance& tolerance) {
    return {.name = name,
            .rows = want.rows,
            .cols = want.cols,
            .dtype = dtype,
            .role = Role::kOut,
            .padding = padding,
            .tolerance = tolerance};
}

void check_forward(const AttentionShape& s, DType dtype) {
    const Worked w(s, dtype);
    const auto cu_q = offsets(s.queries), cu_k = offsets(s.keys);
    check_op(
        {.name = w.name("attention_forward"),
         .slots = {in("q", w.q, dtype, 5), in("k", w.k, dtype, 3), in("v", w.v, dtype, 7),
                   out("o", w.o, dtype, 2, w.tolerance(w.o, dtype)),
                   out("lse", w.lse, DType::kF32, 0, w.tolerance(w.lse, DType::kF32))},
         .cpu =
             [&](const Slots& x) {
                 cpu::attention_forward({.q = x["q"],
                                         .k = x["k"],
                                         .v = x["v"],
                                         .o = x["o"],
                                         .lse = x.data<float>("lse"),
                                         .cu_q = cu_q.data(),
                                         .cu_k = cu_k.data(),
                                         .documents = static_cast<int64_t>(s.queries.size()),
                                         .heads = s.heads,
                                         .kv_heads = s.kv_heads,
                                         .head_dim = s.width,
                                         .window = s.window,
                                         .scale = static_cast<float>(s.scale)});
             },
         .reference = [&](Matrices& x) { reference_attention_forward(s, x["q"], x["k"], x["v"], x["o"], x["lse"]); }});
}

void check_backward(const AttentionShape& s, DType dtype) {
    const Worked w(s, dtype);
    const auto cu_q = offsets(s.queries), cu_k = offsets(s.keys);
    std::vector<char> workspace(
        static_cast<size_t>(cpu::attention_workspace_bytes(dtype, w.k.rows, s.kv_heads, s.width)));
    check_op({.name = w.name("attention_backward"),
              .slots = {in("q", w.q, dtype, 5), in("k", w.k, dtype, 3), in("v", w.v, dtype, 7), in("o", w.o, dtype, 1),
                        in("lse", w.lse, DType::kF32, 0), in("d_o", w.d_o, dtype, 4),
                        out("d_q", w.d_q, dtype, 2, w.tolerance(w.d_q, dtype)),
                        out("d_k", w.d_k, dtype, 6, w.tolerance(w.d_k, dtype)),
                        out("d_v", w.d_v, dtype, 9, w.tolerance(w.d_v, dtype))},
              .cpu =
                  [&](const Slots& x) {
                      cpu::attention_backward({.q = x["q"],
                                               .k = x["k"],
                                               .v = x["v"],
                                               .o = x["o"],
                                               .lse = x.data<float>("lse"),
                                               .d_o = x["d_o"],
                                               .d_q = x["d_q"],
                                               .d_k = x["d_k"],
                                               .d_v = x["d_v"],
                                               .delta = nullptr,
                                               .workspace = reinterpret_cast<float*>(workspace.data()),
                                               .cu_q = cu_q.data(),
                                               .cu_k = cu_k.data(),
                                               .documents = static_cast<int64_t>(s.queries.size()),
                                               .heads = s.heads,
                                               .kv_heads = s.kv_heads,
                                               .head_dim = s.width,
                                               .window = s.window,
                                               .scale = static_cast<float>(s.scale)});
                  },
              .reference =
                  [&](Matrices& x) {
                      reference_attention_backward(s, {x["q"], x["k"], x["v"], x["o"], x["lse"], x["d_o"]}, x["d_q"],
                                                   x["d_k"], x["d_v"]);
                  }});
}

// Documents of one token, around a block and beyond two; odd widths and the widest; several heads to one pair of key
// and value.
std::vector<AttentionShape> shapes() {
    return {shape({1}, 1, 1, 8),
            shape({1, 2, 63, 64, 65, 130}, 3, 1, 64),
            shape({97, 96, 95}, 2, 2, 8),
            shape({193, 1}, 6, 2, 80),
            shape({65, 3}, 2, 2, 128),
            shape({50, 20}, 3, 1, 33),
            shape({100}, 2, 1, 256),
            shape({3, 65, 1}, {70, 65, 200}, 2, 1, 64),
            shape({4, 0, 100}, {2, 5, 3}, 2, 2, 16)};
}

// Windows of one key, around a block of 96 and over two, over documents below and beyond them, with cached keys too.
std::vector<AttentionShape> windowed_shapes() {
    return {windowed(shape({1, 5, 200}, 1, 1, 8), 1),
            windowed(shape({300, 7}, 3, 1, 16), 7),
            windowed(shape({96, 97, 193}, 2, 1, 33), 95),
            windowed(shape({290, 3}, 2, 2, 64), 96),
            windowed(shape({310}, 2, 1, 16), 97),
            windowed(shape({200, 400}, 2, 2, 8), 200),
            windowed(shape({3, 65, 1, 120}, {170, 265, 200, 331}, 2, 1, 16), 100),
            windowed(shape({4, 0, 100}, {2, 5, 3}, 2, 2, 16), 2)};
}

}   // namespace

TEST_CASE("attention forward matches the reference with the same bits everywhere") {
    for (const AttentionShape& s : shapes())
        for (const DType dtype : {DType::kF32, DType::kBf16}) check_forward(s, dtype);
}

TEST_CASE("attention backward matches the reference with the same bits everywhere") {
    for (const AttentionShape& s : shapes())
        for (const DType dtype : {DType::kF32, DType::kBf16}) check_backward(s, dtype);
}

TEST_CASE("attention within a sliding window matches the reference, forward and backward") {
    for (const AttentionShape& s : windowed_shapes())
        for (const DType dtype : {DType::kF32, DType::kBf16}) {
            check_forward(s, dtype);
            check_backward(s, dtype);
        }
}

TEST_CASE("attention pairs are those that the reference visits") {
    for (const int64_t queries : {0, 1, 5, 9})
        for (const int64_t keys : {0, 1, 5, 9, 14})
            for (const int64_t window : {0, 1, 2, 5, 9, 30}) {
                CAPTURE(queries);
                CAPTURE(keys);
                CAPTURE(window);
                int64_t pairs = 0;
                for_each_pair(windowed(shape({queries}, {keys}, 1, 1, 1), window),
                              [&](int64_t, int64_t, int64_t) { ++pairs; });
                CHECK(ops::attention_pairs(queries, keys, window) == pairs);
            }
}

TEST_CASE("the reference's attention gradients are those of its forward") {
    for (const int64_t window : {0, 3}) {
        const AttentionShape s = windowed(shape({5, 2}, {7, 2}, 4, 2, 3), window);
        Worked w(s, DType::kF32);
        Matrix o, lse;
        reference_attention_forward(s, w.q, w.k, w.v, o, lse);
        reference_attention_backward(s, {w.q, w.k, w.v, o, lse, w.d_o}, w.d_q, w.d_k, w.d_v);
        const auto loss = [&] {
            reference_attention_forward(s, w.q, w.k, w.v, o, lse);
            return dot(w.d_o, o);
        };
        check_gradient("d_q", w.q, w.d_q, loss);
        check_gradient("d_k", w.k, w.d_k, loss);
        check_gradient("d_v", w.v, w.d_v, loss);
    }
}

namespace {

// Output bits of forward and backward, row after row, for inputs of which the middle document is multiplied by
// `factor`.
std::vector<std::vector<float>> outputs_with(double factor, int64_t window = 0) {
    const AttentionShape s = shape({70, 33, 100}, 4, 2, 16);
    Worked w(s, DType::kF32);
    for (Matrix* m : {&w.q, &w.k, &w.v, &w.d_o})
        for (int64_t row = 70; row < 103; ++row)
            for (int64_t c = 0; c < m->cols; ++c) (*m)(row, c) *= factor;
    const auto cu = offsets(s.queries);
    std::vector<Guarded> x;
    for (const Matrix* m : {&w.q, &w.k, &w.v, &w.d_o, &w.q, &w.q, &w.k, &w.k}) {
        x.emplace_back(m->rows, m->cols, m->cols, DType::kF32);
        x.back().write(*m);
    }
    std::vector<float> lse(203 * 4);
    cpu::attention_forward({.q = x[0].view(),
                            .k = x[1].view(),
                            .v = x[2].view(),
                            .o = x[4].view(),
                            .lse = lse.data(),
                            .cu_q = cu.data(),
                            .cu_k = cu.data(),
                            .documents = 3,
                            .heads = 4,
                            .kv_heads = 2,
                            .head_dim = 16,
                            .window = window,
                            .scale = 0.25f});
    cpu::attention_backward({.q = x[0].view(),
                             .k = x[1].view(),
                             .v = x[2].view(),
                             .o = x[4].view(),
                             .lse = lse.data(),
                             .d_o = x[3].view(),
                             .d_q = x[5].view(),
                             .d_k = x[6].view(),
                             .d_v = x[7].view(),
                             .delta = nullptr,
                             .workspace = nullptr,
                             .cu_q = cu.data(),
                             .cu_k = cu.data(),
                             .documents = 3,
                             .heads = 4,
                             .kv_heads = 2,
                             .head_dim = 16,
                             .window = window,
                             .scale = 0.25f});
    std::vector<std::vector<float>> rows(203);
    for (size_t i = 4; i < x.size(); ++i) {
        const Matrix m = x[i].read();
        for (int64_t row = 0; row < m.rows; ++row)
            for (int64_t c = 0; c < m.cols; ++c)
                rows[static_cast<size_t>(row)].push_back(static_cast<float>(m(row, c)));
    }
    return rows;
}

}   // namespace

TEST_CASE("a window as long as the longest document changes no bit") {
    CHECK(outputs_with(1.0, 100) == outputs_with(1.0));
    CHECK(outputs_with(1.0, int64_t{1} << 31) == outputs_with(1.0));
    CHECK(outputs_with(1.0, 99) != outputs_with(1.0));
}

TEST_CASE("changing one document changes no bit of another") {
    const auto before = outputs_with(1.0);
    const auto after = outputs_with(-1.5);
    for (size_t row = 0; row < before.size(); ++row) {
        const bool changed = row >= 70 && row < 103;
        CHECK((before[row] == after[row]) != changed);
    }
}

}   // namespace llmft::test
