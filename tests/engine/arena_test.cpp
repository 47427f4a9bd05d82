#include <doctest/doctest.h>

#include <cstring>

#include "engine/core/arena.h"
#include "kernels/base/error.h"

using namespace llmft;

namespace {

std::string refusal(Arena& arena, int64_t rows) {
    try {
        arena.take("saved.gate_up", DType::kF32, rows, 1000);
    } catch (const OutOfMemory& error) {
        return error.what();
    }
    return "";
}

}   // namespace

TEST_CASE("a full arena names the tensor, its shape, what is free and a flag, and stays usable") {
    const auto device = make_cpu_device({.gemm = GemmEngine::kPortable});
    Arena arena(*device, 1 << 16);
    const std::string text = refusal(arena, 100);
    CHECK(text.find("saved.gate_up (100, 1000) f32 needs 400128 bytes, 65536 of 65536 free") != std::string::npos);
    CHECK(text.find("--tokens-per-microbatch") != std::string::npos);
    CHECK(arena.used_bytes() == 0);
    CHECK(refusal(arena, 10).empty());
}

TEST_CASE("a size beyond 64 bits is out of memory, not a wrapped number") {
    const auto device = make_dry_device();
    Arena arena(*device, -1);
    CHECK_THROWS_AS(arena.take("x", DType::kF32, int64_t{1} << 40, int64_t{1} << 40), OutOfMemory);
}

TEST_CASE("marks give room back in reverse, slots stay, and the peak keeps its names") {
    const auto device = make_cpu_device({.gemm = GemmEngine::kPortable});
    Arena arena(*device, 1 << 16);
    const Tensor slot = arena.persistent("weights", DType::kF32, 3, 5, 8);
    CHECK(slot.ld == 8);
    CHECK(std::memcmp(slot.data, std::vector<float>(24, 0.0f).data(), 96) == 0);   // zeroed
    {
        const Arena::Mark outer(arena);
        arena.take("a", DType::kF32, 1, 64);
        {
            const Arena::Mark inner(arena);
            arena.take("b", DType::kBf16, 1, 1);
            arena.take("b", DType::kBf16, 1, 1);
        }
        CHECK(arena.used_bytes() == 2 * Device::kAlignment);
        arena.take("c", DType::kF32, 1, 64);   // lower than the peak: not in its picture
        CHECK_THROWS_AS(arena.persistent("late", DType::kF32, 1, 1), InternalError);
    }
    CHECK(arena.used_bytes() == arena.persistent_bytes());
    CHECK(arena.peak_bytes() == 4 * Device::kAlignment);
    const auto rows = arena.rows_at_peak();
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].name == "weights");
    CHECK(rows[2].name == "b");
    CHECK(rows[2].count == 2);
    CHECK(rows[2].bytes == 2 * Device::kAlignment);
}

TEST_CASE("every allocation that fails in a plan's room surfaces as out of memory and leaves a usable arena") {
    const auto device = make_cpu_device({.gemm = GemmEngine::kPortable});
    for (int64_t capacity = 0; capacity <= 4 * Device::kAlignment; capacity += Device::kAlignment) {
        Arena arena(*device, capacity + Device::kAlignment);
        int64_t taken = 0;
        try {
            const Arena::Mark mark(arena);
            for (; taken < 100; ++taken) arena.take("x", DType::kF32, 1, 64);
        } catch (const OutOfMemory&) {
            CHECK(taken == capacity / Device::kAlignment + 1);
        }
        CHECK(arena.used_bytes() == 0);
    }
}

TEST_CASE("views of a tensor keep its name and leading dimension, and cannot leave it") {
    const auto device = make_cpu_device({.gemm = GemmEngine::kPortable});
    Arena arena(*device, 1 << 12);
    const Tensor x = arena.persistent("x", DType::kF32, 4, 6, 10);
    const Tensor part = x.row_slice(1, 2).columns(6, 4);   // the spare columns
    CHECK(part.as<float>() == x.as<float>() + 16);
    CHECK(part.ld == 10);
    CHECK_THROWS_AS(x.columns(6, 5), InternalError);
    CHECK_THROWS_AS(x.row_slice(3, 2), InternalError);
    CHECK_THROWS_AS(x.as<int32_t>(), InternalError);
    CHECK(describe(part) == "x (2, 4) ld 10 f32");
}
