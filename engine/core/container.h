// What a container or a service manager lets this process have: its control groups, version 2, then 1 (Linux,
// Documentation/admin-guide/cgroup-v2.rst). The tightest of a group and all above it holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace llmft {

struct ContainerLimits {
    int64_t memory_bytes = std::numeric_limits<int64_t>::max();   // no limit
    double cores = std::numeric_limits<double>::infinity();       // of processor time, per unit of time
};

// `root` holds proc and sys.
ContainerLimits container_limits(const std::filesystem::path& root = "/");

}   // namespace llmft
