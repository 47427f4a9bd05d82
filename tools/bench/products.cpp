#include "tools/bench/products.h"

#include <algorithm>
#include <chrono>

#include "engine/core/median.h"
#include "engine/ops/gemm.h"

namespace llmft {
namespace {

// Rows that lie in memory: of an operand that is used transposed, its columns.
int64_t lines(Transpose op, int64_t rows, int64_t cols) {
    return op == Transpose::kNo ? rows : cols;
}

// One block of numbers that an operand of any product is a view of.
class Block {
public:
    void fit(const View& view, int64_t rows) { bytes_ = std::max(bytes_, rows * view.ld * size_bytes(view.dtype)); }

    // Small numbers in either dtype: no product of them overflows, is NaN or subnormal.
    void fill() {
        constexpr uint32_t kQuarter = 0x3e80;   // 0.25 as bf16; as the upper half of f32 too
        halves_.resize(static_cast<size_t>(bytes_ / 2 + 1));
        uint32_t state = 1;
        for (uint16_t& half : halves_) {
            state = state * 1664525u + 1013904223u;
            half = static_cast<uint16_t>((state >> 31) << 15 | kQuarter | (state >> 24 & 0x3f));
        }
    }

    Tensor operand(const View& view, int64_t rows, int64_t cols) {
        return {.data = halves_.data(), .dtype = view.dtype, .rows = rows, .cols = cols, .ld = view.ld};
    }

private:
    int64_t bytes_ = 0;
    std::vector<uint16_t> halves_;
};

}   // namespace

double time_products(std::span<const Gemm> products, Device& device, int rounds) {
    Block a, b, c;
    for (const Gemm& g : products) {
        a.fit(g.a, lines(g.a_op, g.m, g.k));
        b.fit(g.b, lines(g.b_op, g.k, g.n));
        c.fit(g.c, g.m);
    }
    for (Block* block : {&a, &b, &c}) block->fill();
    Arena arena(device, Device::kAlignment);   // of which nothing is taken
    const Rng rng = {.seed = 0, .step = 0};
    Profile profile(Profile::Clock::kOff);
    Run run = {.device = device, .stream = device.stream(), .arena = arena, .rng = rng, .profile = profile};
    std::vector<double> seconds;
    for (int round = 0; round <= rounds; ++round) {   // the first one warms up
        const auto start = std::chrono::steady_clock::now();
        for (const Gemm& g : products)
            ops::gemm({.a = a.operand(g.a, lines(g.a_op, g.m, g.k), lines(g.a_op, g.k, g.m)),
                       .a_op = g.a_op,
                       .b = b.operand(g.b, lines(g.b_op, g.k, g.n), lines(g.b_op, g.n, g.k)),
                       .b_op = g.b_op,
                       .c = c.operand(g.c, g.m, g.n),
                       .out_mode = g.out_mode},
                      run);
        if (round > 0)
            seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return median(std::move(seconds));
}

}   // namespace llmft
