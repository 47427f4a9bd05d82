#include "tools/doctor/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/ops/gemm.h"
#include "engine/ops/upload.h"
#include "kernels/base/parallel.h"

namespace llmft {
namespace {

using Clock = std::chrono::steady_clock;

// Calls `act` until `enough` seconds went by, at least three times, the first of which only warms up; the best of the
// rest.
template <class Act>
double best_seconds(double enough, const Act& act) {
    double best = 0, whole = 0;
    for (int call = 0; call < 3 || whole < enough; ++call) {
        const auto start = Clock::now();
        act();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        whole += seconds;
        if (call > 0) best = call == 1 ? seconds : std::min(best, seconds);
    }
    return best;
}

// Small whole eighths, so that bf16 holds them exactly.
std::vector<float> some_numbers(size_t count, uint32_t seed) {
    std::vector<float> numbers(count);
    uint32_t state = seed;
    for (float& x : numbers) {
        state = state * 1664525u + 1013904223u;
        x = static_cast<float>(static_cast<int32_t>(state >> 24) - 128) / 8;
    }
    return numbers;
}

}   // namespace

ProductSpeed measure_products(GemmEngine engine, DType dtype, const ProductEffort& effort) {
    const int64_t side = effort.side;
    const auto count = static_cast<size_t>(side * side);
    const auto device = make_cpu_device({.gemm = engine});
    Arena arena(*device, 3 * static_cast<int64_t>(sizeof(float)) * side * side + 4096);
    const Rng rng = {.seed = 0, .step = 0};
    Profile profile(Profile::Clock::kOff);
    Run run = {.device = *device, .stream = device->stream(), .arena = arena, .rng = rng, .profile = profile};
    const Tensor a = arena.persistent("a", dtype, side, side), b = arena.persistent("b", dtype, side, side),
                 c = arena.persistent("c", DType::kF32, side, side);
    const std::vector<float> host_a = some_numbers(count, 1), host_b = some_numbers(count, 2);
    ops::upload_converted(a, host_a.data(), DType::kF32, run);
    ops::upload_converted(b, host_b.data(), DType::kF32, run);
    const double seconds = best_seconds(effort.seconds, [&] {
        ops::gemm(
            {.a = a, .a_op = Transpose::kNo, .b = b, .b_op = Transpose::kYes, .c = c, .out_mode = OutMode::kOverwrite},
            run);
    });

    ProductSpeed speed = {.gflops = 2.0 * static_cast<double>(side * side * side) / seconds / 1e9, .worst_error = 0};
    constexpr int64_t kStride = 97;   // looks at some entries
    for (int64_t row = 0; row < side; row += kStride)
        for (int64_t column = 0; column < side; column += kStride) {
            double wanted = 0, size = 0;
            for (int64_t k = 0; k < side; ++k) {
                const double product = double{host_a[static_cast<size_t>(row * side + k)]} *
                                       double{host_b[static_cast<size_t>(column * side + k)]};
                wanted += product;
                size += std::abs(product);
            }
            const double got = c.as<float>()[row * side + column];
            const double error = std::abs(got - wanted) / size;
            if (!(error <= speed.worst_error)) speed.worst_error = error;   // NaN stays
        }
    return speed;
}

double measure_copy(int64_t bytes) {
    constexpr int64_t kTasks = 64;
    constexpr double kEnough = 0.25;
    const int64_t part = bytes / kTasks;
    const auto from = std::make_unique<std::byte[]>(static_cast<size_t>(bytes)),
               to = std::make_unique<std::byte[]>(static_cast<size_t>(bytes));
    const double seconds = best_seconds(kEnough, [&] {
        parallel_for(kTasks, [&](int64_t task) {
            std::memcpy(to.get() + task * part, from.get() + task * part, static_cast<size_t>(part));
        });
    });
    return 2.0 * static_cast<double>(part * kTasks) / seconds / 1e9;
}

}   // namespace llmft
