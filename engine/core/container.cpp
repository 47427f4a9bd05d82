#include "engine/core/container.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace llmft {
namespace {

namespace fs = std::filesystem;

// The first number in the file; a missing file and the word "max" are none.
bool read_number(const fs::path& file, double& value) {
    return static_cast<bool>(std::ifstream(file) >> value) && value > 0;
}

// The group of version 2 that this process is in: the line "0::/a/b".
fs::path own_group(const fs::path& root) {
    std::ifstream file(root / "proc/self/cgroup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::/")) return line.substr(4);
    return {};
}

void apply_group(const fs::path& group, ContainerLimits& limits) {
    double bytes = 0, quota = 0, period = 0;
    if (read_number(group / "memory.max", bytes))
        limits.memory_bytes = std::min(limits.memory_bytes, static_cast<int64_t>(std::min(bytes, 0x1p62)));
    if (std::ifstream file(group / "cpu.max"); file >> quota >> period && quota > 0 && period > 0)
        limits.cores = std::min(limits.cores, quota / period);
}

}   // namespace

ContainerLimits container_limits(const fs::path& root) {
    ContainerLimits limits;
    const fs::path groups = root / "sys/fs/cgroup";
    for (fs::path group = own_group(root); !group.empty(); group = group.parent_path())
        apply_group(groups / group, limits);
    apply_group(groups, limits);

    double bytes = 0, quota = 0, period = 0;
    constexpr double kNone = 0x1p60;   // version 1 says "no limit" as a number near 2^63
    if (read_number(groups / "memory/memory.limit_in_bytes", bytes) && bytes < kNone)
        limits.memory_bytes = std::min(limits.memory_bytes, static_cast<int64_t>(bytes));
    if (read_number(groups / "cpu/cpu.cfs_quota_us", quota) && read_number(groups / "cpu/cpu.cfs_period_us", period))
        limits.cores = std::min(limits.cores, quota / period);
    return limits;
}

}   // namespace llmft
