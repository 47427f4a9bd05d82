// A long run on rows of many lengths: once it is warm, its memory stays as it is.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

struct Memory {
    int64_t rss_kib = 0, high_water_kib = 0;
};

Memory memory_of(pid_t pid) {
    Memory memory;
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) memory.rss_kib = std::stoll(line.substr(6));
        if (line.starts_with("VmHWM:")) memory.high_water_kib = std::stoll(line.substr(6));
    }
    return memory;
}

int64_t lines_in(const Path& file, int64_t& bytes_seen) {
    std::ifstream in(file, std::ios::binary);
    in.seekg(bytes_seen);
    int64_t lines = 0;
    char part[1 << 16];
    while (in.read(part, sizeof part), in.gcount() > 0) {
        lines += std::count(part, part + in.gcount(), '\n');
        bytes_seen += in.gcount();
    }
    return lines;
}

void expect_flat(int64_t steps, int64_t warm_steps) {
    Scene scene;
    std::string rows;
    for (int tokens = 2; tokens <= 40; ++tokens) rows += token_rows(1, tokens, tokens);
    put(scene.rows(), rows);
    scene.flag("--per-device-train-batch-size", "1");
    scene.flag("--max-steps", std::to_string(steps));
    scene.flag("--logging-steps", "1000");
    // ASan keeps what was freed, up to 256 MiB of it, unless told otherwise.
    Process process({.arguments = scene.arguments(), .environment = {{"ASAN_OPTIONS", "quarantine_size_mb=1"}}});
    Memory warm, last;
    int64_t step = 0, bytes_seen = 0;
    while (process.running()) {
        step += lines_in(scene.output() / "metrics.jsonl", bytes_seen);
        // The end has tasks of its own: the result is written.
        if (step >= steps - 1) break;
        const Memory now = memory_of(process.pid());
        if (now.high_water_kib > 0 && step >= warm_steps) {
            if (warm.high_water_kib == 0) warm = now;
            last = now;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const Ended ended = process.wait();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    REQUIRE(warm.high_water_kib > 0);
    constexpr int64_t kGrowthKib = 1024;
    CHECK(last.high_water_kib - warm.high_water_kib <= kGrowthKib);
    CHECK(last.rss_kib - warm.rss_kib <= kGrowthKib);
    std::printf("%lld steps: high-water %lld KiB after %lld of them, %lld KiB at the end\n",
                static_cast<long long>(steps), static_cast<long long>(warm.high_water_kib),
                static_cast<long long>(warm_steps), static_cast<long long>(last.high_water_kib));
}

}   // namespace

TEST_CASE("a run of 1,000 steps on rows of many lengths does not grow after the first 200") {
    expect_flat(1000, 200);
}

TEST_SUITE("slow") {
    TEST_CASE("a run of 10,000 steps on rows of many lengths does not grow after the first 500") {
        expect_flat(10'000, 500);
    }
}
