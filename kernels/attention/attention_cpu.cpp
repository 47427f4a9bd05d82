// Blocks of kQueries × kKeys. Scores are held transposed, a row for each key: softmax then runs along lanes without a
// horizontal reduction, keys and values are read as they lie, and only queries are turned, once for all keys.
#include "kernels/attention/attention.h"

#include "kernels/attention/attention_tasks.h"
#include "kernels/base/isa.h"
#include "kernels/base/ln.h"
#include "kernels/base/parallel.h"
#include "kernels/base/tile.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

constexpr int64_t kQueries = 96;
constexpr int64_t kKeys = 96;
constexpr int64_t kRowStep = kMaxHeadDim + 16;   // not a power of two: rows would share cache sets
constexpr int64_t kScoreStep = kQueries + 16;
constexpr float kLowest = -3.0e38f;   // below every score: the maximum of none

static_assert(kQueries % kRowPad == 0 && kKeys % kRowPad == 0 && kQueries % kColumnPad == 0 &&
              kMaxHeadDim % kColumnPad == 0);

using Rows = float[kKeys * kRowStep];        // (kKeys or kQueries, D) in rows
using Strips = float[kKeys * kMaxHeadDim];   // (kKeys or kQueries, D) or its transpose in strips
using Scores = float[kKeys * kScoreStep];    // (keys, queries)

constexpr int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Where the document of a task, its query block and its head stand in the matrices.
struct Place {
    int64_t query_row;   // of the task's first query
    int64_t key_row;     // of the document's first key
    int64_t queries;
    int64_t first_block;   // of keys that the first query sees: its first key, a multiple of kKeys
    int64_t keys;          // that the last query sees, with those before them
    int64_t diagonal;      // query i of the task sees keys j ≤ i + diagonal
    int64_t behind;        // and j > i + behind; below every key where there is no window
};

template <class Args>
Place place(const Args& args, int64_t document, int64_t first_query, int64_t queries) {
    const int64_t len_q = args.cu_q[document + 1] - args.cu_q[document];
    const int64_t len_k = args.cu_k[document + 1] - args.cu_k[document];
    const int64_t diagonal = first_query + len_k - len_q;
    const int64_t behind = args.window > 0 ? diagonal - args.window : -1 - len_q;
    return {.query_row = args.cu_q[document] + first_query,
            .key_row = args.cu_k[document],
            .queries = queries,
            .first_block = behind >= 0 ? (behind + 1) / kKeys * kKeys : 0,
            .keys = queries + diagonal > 0 ? queries + diagonal : 0,
            .diagonal = diagonal,
            .behind = behind};
}

// query + i + offset for the lanes i, at most kKeys.
LLMFT_SIMD F32x16 key_limits(int64_t query, int64_t offset) {
    float limits[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) {
        const int64_t last = query + i + offset;
        limits[i] = static_cast<float>(last < kKeys ? last : kKeys);
    }
    return load(limits);
}

// Which keys of a block a vector of queries sees: those up to `last`.
struct Sight {
    F32x16 last;
    LLMFT_SIMD Sight(const Place& at, int64_t first_key, int64_t query)
        : last(key_limits(query, at.diagonal - first_key)) {}
    // x, but `instead` in the lanes that do not see the key.
    LLMFT_SIMD F32x16 mask(int64_t key, F32x16 x, F32x16 instead) const {
        return select(last < splat(static_cast<float>(key)), instead, x);
    }
};
// The same where the block has keys behind somebody's window.
struct WindowSight {
    Sight ahead;
    F32x16 first;
    LLMFT_SIMD WindowSight(const Place& at, int64_t first_key, int64_t query)
        : ahead(at, first_key, query), first(key_limits(query, at.behind + 1 - first_key)) {}
    LLMFT_SIMD F32x16 mask(int64_t key, F32x16 x, F32x16 instead) const {
        return select(splat(static_cast<float>(key)) < first, instead, ahead.mask(key, x, instead));
    }
};
LLMFT_SIMD bool needs_window(const Place& at, int64_t first_key) {
    return first_key < at.queries + at.behind;
}

LLMFT_SIMD void fill_zero(float* p, int64_t rows, int64_t step) {
    for (int64_t i = 0; i < rows * step; i += kLanes) store(p + i, zero());
}

// ---- forward ----

struct ForwardBlocks {
    alignas(64) Strips q;   // transposed
    alignas(64) Rows k;
    alignas(64) Strips v;
    alignas(64) Scores p;
    alignas(64) Rows o;
    alignas(64) float top[kQueries];      // largest score so far
    alignas(64) float sum[kQueries];      // Σ exp(score − top)
    alignas(64) float shrink[kQueries];   // what the block made of earlier exponentials
};

// Scores to exp(score − top), with top, sum and shrink brought up to date, for sixteen queries.
template <class Seen>
LLMFT_SIMD void softmax_lanes(const Seen& seen, int64_t keys, int64_t query, float scale, ForwardBlocks& b) {
    const F32x16 before = load(b.top + query);
    F32x16 top = before;
    for (int64_t j = 0; j < keys; ++j) {
        float* const score = b.p + j * kScoreStep + query;
        const F32x16 x = seen.mask(j, splat(scale) * load(score), splat(kLowest));
        store(score, x);
        top = max(x, top);
    }
    F32x16 sum = zero();
    for (int64_t j = 0; j < keys; ++j) {
        float* const score = b.p + j * kScoreStep + query;
        const F32x16 p = seen.mask(j, exp(load(score) - top), zero());
        store(score, p);
        sum = sum + p;
    }
    const F32x16 shrink = exp(before - top);
    store(b.top + query, top);
    store(b.sum + query, fma(load(b.sum + query), shrink, sum));
    store(b.shrink + query, shrink);
}

template <class Seen>
void softmax_block(const Place& at, int64_t first_key, int64_t keys, float scale, ForwardBlocks& b) {
    for (int64_t query = 0; query < at.queries; query += kLanes)
        softmax_lanes(Seen(at, first_key, query), keys, query, scale, b);
}

template <class T>
void write_outputs(const AttentionForward& args, const Place& at, int64_t head, const ForwardBlocks& b) {
    for (int64_t i = 0; i < at.queries; ++i) {
        const float sum = b.sum[i];
        const bool none = sum == 0.0f;
        const F32x16 inverse = splat(none ? 0.0f : 1.0f / sum);
        T* const o = args.o.row<T>(at.query_row + i) + head * args.head_dim;
        for_lanes(args.head_dim, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
            store(o + c, inverse * load(b.o + i * kRowStep + c), lanes);
        });
        float& lse = args.lse[(at.query_row + i) * args.heads + head];
        lse = none ? -__builtin_inff() : sum > 0.0f ? static_cast<float>(b.top[i] + ln(sum)) : sum;
    }
}

template <class T>
void forward_task(const AttentionForward& args, const AttentionTask& task, int64_t head) {
    const Place at = place(args, task.document, task.first_query, task.queries);
    const int64_t width = args.head_dim;
    const int64_t kv_column = head / (args.heads / args.kv_heads) * width;
    ForwardBlocks b;
    pack_strips_transposed(args.q.row<const T>(at.query_row) + head * width, args.q.ld, width, at.queries, b.q);
    fill_zero(b.o, padded(at.queries, kRowPad), kRowStep);
    fill_zero(b.sum, 1, kQueries);
    for (int64_t i = 0; i < kQueries; i += kLanes) store(b.top + i, splat(kLowest));
    for (int64_t first = at.first_block; first < at.keys; first += kKeys) {
        const int64_t keys = smaller(kKeys, at.keys - first);
        const auto softmax = needs_window(at, first) ? softmax_block<WindowSight> : softmax_block<Sight>;
        pack_rows(args.k.row<const T>(at.key_row + first) + kv_column, args.k.ld, keys, width, b.k, kRowStep);
        pack_strips(args.v.row<const T>(at.key_row + first) + kv_column, args.v.ld, keys, width, b.v);
        fill_zero(b.p, padded(keys, kRowPad), kScoreStep);
        multiply_blocks(keys, at.queries, width, ByRow<kRowStep>{b.k}, b.q, b.p, kScoreStep);
        softmax(at, first, keys, args.scale, b);
        for (int64_t i = 0; i < at.queries; ++i)
            for (int64_t c = i * kRowStep; c < i * kRowStep + width; c += kLanes)
                store(b.o + c, splat(b.shrink[i]) * load(b.o + c));
        multiply_blocks(at.queries, width, keys, ByColumn<kScoreStep>{b.p}, b.v, b.o, kRowStep);
    }
    write_outputs<T>(args, at, head, b);
}

// ---- backward ----

struct BackwardBlocks {
    alignas(64) Strips q_turned, d_o_turned;   // (D, queries)
    alignas(64) Strips q, d_o;                 // (queries, D)
    alignas(64) Rows k, v;
    alignas(64) Strips k_strips;   // (keys, D)
    alignas(64) Scores p, d_s;
    alignas(64) Rows d_q;
    alignas(64) Rows sums;   // d_k or d_v of the key block
    alignas(64) float lse[kQueries];
    alignas(64) float delta[kQueries];
};

// d_k and d_v of one key/value head as they grow: the outputs themselves where these are f32, else the workspace.
struct Sums {
    float *d_k, *d_v;   // at the document's first key
    int64_t d_k_ld, d_v_ld;
};

template <class T>
void load_queries(const AttentionBackward& args, const Place& at, int64_t head, BackwardBlocks& b) {
    const int64_t width = args.head_dim;
    const T* const q = args.q.row<const T>(at.query_row) + head * width;
    const T* const o = args.o.row<const T>(at.query_row) + head * width;
    const T* const d_o = args.d_o.row<const T>(at.query_row) + head * width;
    pack_strips_transposed(q, args.q.ld, width, at.queries, b.q_turned);
    pack_strips_transposed(d_o, args.d_o.ld, width, at.queries, b.d_o_turned);
    pack_strips(q, args.q.ld, at.queries, width, b.q);
    pack_strips(d_o, args.d_o.ld, at.queries, width, b.d_o);
    fill_zero(b.d_q, padded(at.queries, kRowPad), kRowStep);
    fill_zero(b.lse, 1, kQueries);
    fill_zero(b.delta, 1, kQueries);
    for (int64_t i = 0; i < at.queries; ++i) {
        F32x16 dot = zero();
        for_lanes(width, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
            dot = fma(load(d_o + i * args.d_o.ld + c, lanes), load(o + i * args.o.ld + c, lanes), dot);
        });
        b.delta[i] = sum(dot);
        b.lse[i] = args.lse[(at.query_row + i) * args.heads + head];
    }
}

// Scores to p, and d_p (in d_s) to d_s, for sixteen queries.
template <class Seen>
LLMFT_SIMD void d_scores_lanes(const Seen& seen, int64_t keys, int64_t query, float scale, BackwardBlocks& b) {
    const F32x16 lse = load(b.lse + query);
    const F32x16 delta = load(b.delta + query);
    for (int64_t j = 0; j < keys; ++j) {
        float* const score = b.p + j * kScoreStep + query;
        float* const d_score = b.d_s + j * kScoreStep + query;
        const F32x16 p = seen.mask(j, exp(splat(scale) * load(score) - lse), zero());
        store(score, p);
        store(d_score, p * (load(d_score) - delta) * splat(scale));
    }
}

template <class Seen>
void d_scores_block(const Place& at, int64_t first_key, int64_t keys, float scale, BackwardBlocks& b) {
    for (int64_t query = 0; query < at.queries; query += kLanes)
        d_scores_lanes(Seen(at, first_key, query), keys, query, scale, b);
}

// sums (keys, D) += a (keys, queries) · strips (queries, D), through a padded block.
void add_product(const float* a, const float* strips, int64_t keys, int64_t queries, int64_t width, float* sums,
                 int64_t ld, BackwardBlocks& b) {
    pack_rows(sums, ld, keys, width, b.sums, kRowStep);
    multiply_blocks(keys, width, queries, ByRow<kScoreStep>{a}, strips, b.sums, kRowStep);
    for (int64_t j = 0; j < keys; ++j)
        for_lanes(width, [&](int64_t c, auto lanes)
                             LLMFT_SIMD_LAMBDA { store(sums + j * ld + c, load(b.sums + j * kRowStep + c), lanes); });
}

template <class T>
void backward_block(const AttentionBackward& args, const Place& at, int64_t kv_head, int64_t first, const Sums& sums,
                    BackwardBlocks& b) {
    const int64_t width = args.head_dim;
    const int64_t keys = smaller(kKeys, at.keys - first);
    const T* const k = args.k.row<const T>(at.key_row + first) + kv_head * width;
    const T* const v = args.v.row<const T>(at.key_row + first) + kv_head * width;
    pack_rows(k, args.k.ld, keys, width, b.k, kRowStep);
    pack_rows(v, args.v.ld, keys, width, b.v, kRowStep);
    pack_strips(k, args.k.ld, keys, width, b.k_strips);
    fill_zero(b.p, padded(keys, kRowPad), kScoreStep);
    fill_zero(b.d_s, padded(keys, kRowPad), kScoreStep);
    multiply_blocks(keys, at.queries, width, ByRow<kRowStep>{b.k}, b.q_turned, b.p, kScoreStep);
    multiply_blocks(keys, at.queries, width, ByRow<kRowStep>{b.v}, b.d_o_turned, b.d_s, kScoreStep);
    const auto d_scores = needs_window(at, first) ? d_scores_block<WindowSight> : d_scores_block<Sight>;
    d_scores(at, first, keys, args.scale, b);
    add_product(b.p, b.d_o, keys, at.queries, width, sums.d_v + first * sums.d_v_ld, sums.d_v_ld, b);
    add_product(b.d_s, b.q, keys, at.queries, width, sums.d_k + first * sums.d_k_ld, sums.d_k_ld, b);
    multiply_blocks(at.queries, width, keys, ByColumn<kScoreStep>{b.d_s}, b.k_strips, b.d_q, kRowStep);
}

template <class T>
Sums sums_of(const AttentionBackward& args, int64_t key_row, int64_t kv_head) {
    if (args.d_k.dtype == DType::kF32)
        return {.d_k = args.d_k.row<float>(key_row) + kv_head * args.head_dim,
                .d_v = args.d_v.row<float>(key_row) + kv_head * args.head_dim,
                .d_k_ld = args.d_k.ld,
                .d_v_ld = args.d_v.ld};
    const int64_t ld = 2 * args.kv_heads * args.head_dim;
    float* const d_k = args.workspace + key_row * ld + 2 * kv_head * args.head_dim;
    return {.d_k = d_k, .d_v = d_k + args.head_dim, .d_k_ld = ld, .d_v_ld = ld};
}

void copy_rows(const float* from, int64_t from_ld, bf16* to, int64_t to_ld, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row)
        for_lanes(columns, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
            store(to + row * to_ld + c, load(from + row * from_ld + c, lanes), lanes);
        });
}

template <class T>
void backward_task(const AttentionBackward& args, const AttentionTask& task, int64_t kv_head) {
    const int64_t width = args.head_dim;
    const int64_t group = args.heads / args.kv_heads;
    const int64_t key_row = args.cu_k[task.document];
    const int64_t len_k = args.cu_k[task.document + 1] - key_row;
    const Sums sums = sums_of<T>(args, key_row, kv_head);
    for (int64_t j = 0; j < len_k; ++j)
        for_lanes(width, [&](int64_t c, auto lanes) LLMFT_SIMD_LAMBDA {
            store(sums.d_k + j * sums.d_k_ld + c, zero(), lanes);
            store(sums.d_v + j * sums.d_v_ld + c, zero(), lanes);
        });
    BackwardBlocks b;
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        for (int64_t query = 0; query < task.queries; query += kQueries) {
            const Place at = place(args, task.document, query, smaller(kQueries, task.queries - query));
            load_queries<T>(args, at, head, b);
            for (int64_t key = at.first_block; key < at.keys; key += kKeys)
                backward_block<T>(args, at, kv_head, key, sums, b);
            for (int64_t i = 0; i < at.queries; ++i) {
                T* const d_q = args.d_q.row<T>(at.query_row + i) + head * width;
                for_lanes(width, [&](int64_t c, auto lanes)
                                     LLMFT_SIMD_LAMBDA { store(d_q + c, load(b.d_q + i * kRowStep + c), lanes); });
            }
        }
    }
    if constexpr (sizeof(T) == sizeof(bf16)) {
        copy_rows(sums.d_k, sums.d_k_ld, args.d_k.row<bf16>(key_row) + kv_head * width, args.d_k.ld, len_k, width);
        copy_rows(sums.d_v, sums.d_v_ld, args.d_v.row<bf16>(key_row) + kv_head * width, args.d_v.ld, len_k, width);
    }
}

}   // namespace

void attention_forward(const AttentionForward& args) {
    const auto run = args.q.dtype == DType::kF32 ? forward_task<float> : forward_task<bf16>;
    const AttentionTasks tasks = attention_tasks(args.cu_q, args.cu_k, args.documents, args.window, kQueries);
    parallel_for(tasks.count * args.heads,
                 [&](int64_t task) { run(args, tasks.list[task / args.heads], task % args.heads); });
}

void attention_backward(const AttentionBackward& args) {
    const auto run = args.q.dtype == DType::kF32 ? backward_task<float> : backward_task<bf16>;
    const AttentionTasks tasks = attention_tasks(args.cu_q, args.cu_k, args.documents, args.window, kWholeDocuments);
    parallel_for(tasks.count * args.kv_heads,
                 [&](int64_t task) { run(args, tasks.list[task / args.kv_heads], task % args.kv_heads); });
}

}   // namespace llmft::cpu::LLMFT_ISA
