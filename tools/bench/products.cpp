#include "tools/bench/products.h"

#include <algorithm>
#include <chrono>

#include "tools/bench/median.h"

namespace llmft {
namespace {

// Bytes of a (rows, cols) operand; transposed ones lie the other way.
size_t bytes_of(const View& view, Transpose op, int64_t rows, int64_t cols) {
    const int64_t lines = op == Transpose::kNo ? rows : cols;
    return static_cast<size_t>(lines * view.ld * size_bytes(view.dtype));
}

// Small numbers in either dtype: no product of them overflows, is NaN or subnormal.
std::vector<std::byte> numbers(size_t bytes) {
    constexpr uint32_t kQuarter = 0x3e80;   // 0.25 as bf16; as the upper half of f32 too
    std::vector<uint16_t> halves(bytes / 2 + 1);
    uint32_t state = 1;
    for (uint16_t& half : halves) {
        state = state * 1664525u + 1013904223u;
        half = static_cast<uint16_t>((state >> 31) << 15 | kQuarter | (state >> 24 & 0x3f));
    }
    const auto* begin = reinterpret_cast<const std::byte*>(halves.data());
    return {begin, begin + bytes};
}

}   // namespace

double time_products(std::span<const Gemm> products, GemmEngine engine, int rounds) {
    size_t a = 0, b = 0, c = 0;
    for (const Gemm& g : products) {
        a = std::max(a, bytes_of(g.a, g.a_op, g.m, g.k));
        b = std::max(b, bytes_of(g.b, g.b_op, g.k, g.n));
        c = std::max(c, bytes_of(g.c, Transpose::kNo, g.m, g.n));
    }
    std::vector<std::byte> left = numbers(a), right = numbers(b), result = numbers(c);
    std::vector<double> seconds;
    for (int round = 0; round <= rounds; ++round) {   // the first one warms up
        const auto start = std::chrono::steady_clock::now();
        for (Gemm g : products) {
            g.a.data = left.data();
            g.b.data = right.data();
            g.c.data = result.data();
            g.engine = engine;
            cpu::gemm(g);
        }
        if (round > 0)
            seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return median(std::move(seconds));
}

}   // namespace llmft
