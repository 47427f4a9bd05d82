// Causal attention over documents with grouped heads, as kernels/attention/attention.h defines it, one score after
// another.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "tests/harness/matrix.h"

namespace llmft::test {

struct AttentionShape {
    std::vector<int64_t> queries;   // of each document
    std::vector<int64_t> keys;
    int64_t heads;
    int64_t kv_heads;
    int64_t width;   // D
    double scale;
    int64_t window = 0;   // keys that a query sees; 0: all before it
};

// Calls visit(head, query row, key row) for every pair in sight.
template <class Visit>
void for_each_pair(const AttentionShape& s, Visit&& visit) {
    int64_t first_query = 0;
    int64_t first_key = 0;
    for (size_t document = 0; document < s.queries.size(); ++document) {
        const int64_t len_q = s.queries[document];
        const int64_t len_k = s.keys[document];
        for (int64_t head = 0; head < s.heads; ++head)
            for (int64_t i = 0; i < len_q; ++i)
                for (int64_t j = 0; j <= i + len_k - len_q; ++j)
                    if (s.window == 0 || j > i + len_k - len_q - s.window) visit(head, first_query + i, first_key + j);
        first_query += len_q;
        first_key += len_k;
    }
}

// Σ a[a_row, a_head]·b[b_row, b_head] over the width of a head.
inline double head_dot(const Matrix& a, int64_t a_row, int64_t a_head, const Matrix& b, int64_t b_row, int64_t b_head,
                       int64_t width) {
    double sum = 0.0;
    for (int64_t c = 0; c < width; ++c) sum += a(a_row, a_head * width + c) * b(b_row, b_head * width + c);
    return sum;
}

// o (Tq, H·D) and lse (Tq, H) are written.
inline void reference_attention_forward(const AttentionShape& s, const Matrix& q, const Matrix& k, const Matrix& v,
                                        Matrix& o, Matrix& lse) {
    const int64_t group = s.heads / s.kv_heads;
    o = Matrix(q.rows, s.heads * s.width);
    Matrix sum(q.rows, s.heads);
    for_each_pair(s, [&](int64_t head, int64_t i, int64_t j) {
        const double weight = std::exp(s.scale * head_dot(q, i, head, k, j, head / group, s.width));
        sum(i, head) += weight;
        for (int64_t c = 0; c < s.width; ++c) o(i, head * s.width + c) += weight * v(j, head / group * s.width + c);
    });
    lse = Matrix(q.rows, s.heads);
    for (int64_t i = 0; i < q.rows; ++i) {
        for (int64_t head = 0; head < s.heads; ++head) {
            lse(i, head) = std::log(sum(i, head));
            for (int64_t c = 0; c < s.width && sum(i, head) != 0.0; ++c) o(i, head * s.width + c) /= sum(i, head);
        }
    }
}

struct AttentionInputs {
    const Matrix &q, &k, &v, &o, &lse, &d_o;
};

inline void reference_attention_backward(const AttentionShape& s, const AttentionInputs& in, Matrix& d_q, Matrix& d_k,
                                         Matrix& d_v) {
    const int64_t group = s.heads / s.kv_heads;
    d_q = Matrix(in.q.rows, s.heads * s.width);
    d_k = d_v = Matrix(in.k.rows, s.kv_heads * s.width);
    for_each_pair(s, [&](int64_t head, int64_t i, int64_t j) {
        const int64_t at_q = head * s.width;
        const int64_t at_k = head / group * s.width;
        const double p = std::exp(s.scale * head_dot(in.q, i, head, in.k, j, head / group, s.width) - in.lse(i, head));
        const double d_p = head_dot(in.d_o, i, head, in.v, j, head / group, s.width);
        const double delta = head_dot(in.d_o, i, head, in.o, i, head, s.width);
        const double d_s = p * (d_p - delta) * s.scale;
        for (int64_t c = 0; c < s.width; ++c) {
            d_q(i, at_q + c) += d_s * in.k(j, at_k + c);
            d_k(j, at_k + c) += d_s * in.q(i, at_q + c);
            d_v(j, at_k + c) += p * in.d_o(i, at_q + c);
        }
    });
}

}   // namespace llmft::test
