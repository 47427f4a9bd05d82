#include "engine/core/container.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

void put_in(const TempFolder& root, const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root.path() / path).parent_path());
    root.write(path, text);
}

}   // namespace

TEST_CASE("without control groups nothing is limited") {
    const TempFolder root;
    const ContainerLimits limits = container_limits(root.path());
    CHECK(limits.memory_bytes == INT64_MAX);
    CHECK(std::isinf(limits.cores));
}

TEST_CASE("the tightest limit of a group and all above it holds; the word max is none") {
    const TempFolder root;
    put_in(root, "proc/self/cgroup", "12:pids:/other\n0::/system.slice/a.service\n");
    put_in(root, "sys/fs/cgroup/memory.max", "max\n");
    put_in(root, "sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
    put_in(root, "sys/fs/cgroup/system.slice/a.service/memory.max", "2147483648\n");
    put_in(root, "sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
    put_in(root, "sys/fs/cgroup/system.slice/a.service/cpu.max", "150000 100000\n");
    put_in(root, "sys/fs/cgroup/other/memory.max", "1\n");
    const ContainerLimits limits = container_limits(root.path());
    CHECK(limits.memory_bytes == 1073741824);
    CHECK(limits.cores == 1.5);
}

TEST_CASE("version 1 of control groups is read too, and its huge number means no limit") {
    const TempFolder root;
    put_in(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put_in(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put_in(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(container_limits(root.path()).memory_bytes == INT64_MAX);
    CHECK(std::isinf(container_limits(root.path()).cores));
    put_in(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    put_in(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
    CHECK(container_limits(root.path()).memory_bytes == 536870912);
    CHECK(container_limits(root.path()).cores == 4);
}
