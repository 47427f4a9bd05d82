#include "kernels/quant4/quant4.h"

#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "kernels/quant4/lookup.h"

namespace llmft::cpu::LLMFT_ISA {
namespace {

LLMFT_SIMD float scale_of(const Quant4Decode& a, int64_t block) {
    if (a.nested_scales == nullptr) return static_cast<const float*>(a.scales)[block];
    const uint8_t code = static_cast<const uint8_t*>(a.scales)[block];
    const float scaled = a.nested_map[code] * a.nested_scales[block / kNestedBlock];
    return scaled + *a.offset;
}

// What a block's sixteen codes decode to: rounding these is rounding every element. Bits is the unsigned integer of
// To's size.
template <class Encoded, class To, class Bits>
LLMFT_SIMD void decoded_values(F32x16 values, float scale, Bits* bits) {
    To table[kTable];
    if constexpr (sizeof(Encoded) == sizeof(float)) {
        store(table, values * splat(scale));
    } else {
        Encoded rounded[kTable];
        store(rounded, values * splat(scale));
        if constexpr (__is_same(Encoded, To))
            __builtin_memcpy(table, rounded, sizeof table);
        else
            store(table, load(rounded));
    }
    __builtin_memcpy(bits, table, sizeof table);
}

// Elements [at, at + n) of one block.
template <class Bits>
LLMFT_SIMD void look_up(const Bits* table, const uint8_t* codes, int64_t at, int64_t n, Bits* y) {
    const Lookup<Bits> lookup(table);
    const int64_t end = at + n;
    if (at % 2 != 0) *y++ = table[nibble(codes, at++)];
    for (; at + kTable <= end; at += kTable, y += kTable) lookup.sixteen(codes + at / 2, y);
    for (; at < end; ++at) *y++ = table[nibble(codes, at)];
}

template <class Encoded, class To, class Bits>
void decode(const Quant4Decode& a) {
    const F32x16 values = load(a.values);
    parallel_rows(a.rows, rows_per_task(a.cols), [&](int64_t first, int64_t last) {
        Bits table[kTable];
        for (int64_t r = first; r < last; ++r) {
            Bits* y = a.y.row<Bits>(r);
            int64_t at = (a.first_row + r) * a.cols, block = at / a.block;
            const int64_t end = at + a.cols;
            for (; at < end; ++block) {
                const int64_t ends = (block + 1) * a.block, n = (ends < end ? ends : end) - at;
                decoded_values<Encoded, To>(values, scale_of(a, block), table);
                look_up(table, a.codes, at, n, y);
                at += n;
                y += n;
            }
        }
    });
}

// The scale of n elements of one block, and their codes.
template <class T>
void encode_block(const Quant4Encode& a, const T* x, int64_t n, const F32x16* bounds, float* scale, uint8_t* codes) {
    F32x16 most = zero();
    for_lanes(n, [&](int64_t i, auto lanes) LLMFT_SIMD_LAMBDA {
        const F32x16 v = load(x + i, lanes);
        most = max(most, max(v, zero() - v));
    });
    constexpr float kLeast = 1e-38f;   // bitsandbytes': its reciprocal is finite
    *scale = max_of(most);
    const bool whole = n == a.block;
    const float safe = *scale > kLeast ? *scale : kLeast;
    if (!whole) *scale = safe;
    if (codes == nullptr) return;
    const uint8_t* by_rank = code_of(a.kind).by_rank;
    for_lanes(n, [&](int64_t i, auto lanes) LLMFT_SIMD_LAMBDA {
        const F32x16 v = load(x + i, lanes);
        const F32x16 scaled = whole ? v * splat(1.0f / safe) : v / splat(safe);
        F32x16 rank = zero();
        for (int k = 0; k + 1 < kTable; ++k) rank = rank + select(bounds[k] < scaled, splat(1.0f), zero());
        float ranks[kTable];
        store(ranks, rank);
        for (int64_t j = 0; j < lanes.count; j += 2)
            codes[(i + j) / 2] = static_cast<uint8_t>(by_rank[static_cast<int>(ranks[j])] << 4 |
                                                      by_rank[static_cast<int>(ranks[j + 1])]);
    });
}

template <class T>
void encode(const Quant4Encode& a) {
    const Quant4Code& code = code_of(a.kind);
    F32x16 bounds[kTable - 1];
    for (int k = 0; k + 1 < kTable; ++k)
        bounds[k] = splat((code.value[code.by_rank[k]] + code.value[code.by_rank[k + 1]]) / 2);
    const T* const x = static_cast<const T*>(a.x);
    parallel_rows((a.count + a.block - 1) / a.block, rows_per_task(a.block), [&](int64_t first, int64_t last) {
        for (int64_t b = first; b < last; ++b) {
            const int64_t at = b * a.block, n = a.count - at < a.block ? a.count - at : a.block;
            encode_block(a, x + at, n, bounds, a.scales + b, a.codes == nullptr ? nullptr : a.codes + at / 2);
        }
    });
}

}   // namespace

void quant4_decode(const Quant4Decode& a) {
    with_float(a.encoded, [&](auto encoded) {
        using Encoded = typename decltype(encoded)::Type;
        switch (a.y.dtype) {
            case DType::kBf16: return decode<Encoded, bf16, uint16_t>(a);
            case DType::kF16: return decode<Encoded, f16, uint16_t>(a);
            default: return decode<Encoded, float, uint32_t>(a);
        }
    });
}

void quant4_encode(const Quant4Encode& a) {
    with_float(a.dtype, [&](auto x) { encode<typename decltype(x)::Type>(a); });
}

}   // namespace llmft::cpu::LLMFT_ISA
