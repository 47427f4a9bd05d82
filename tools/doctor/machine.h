// What is to be known of a machine before anything is computed on it, read from where Linux tells it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace llmft {

struct MachineFacts {
    std::string processor;
    std::set<std::string> features;   // of the processor, as /proc/cpuinfo names them
    int online_cores = 0;
    int allowed_cores = 0;    // by affinity
    double quota_cores = 0;   // by the container's share of time; infinity: all

    int64_t memory_bytes = 0;
    int64_t available_bytes = 0;   // without swapping
    int64_t limit_bytes = 0;       // the container's, or the machine's where there is none
    std::string huge_pages;        // "always", "madvise", "never", "" where it is not said

    std::vector<std::string> gpus;           // NVIDIA's, by name
    std::optional<std::string> gpu_driver;   // its kernel module's version
};
// `root` holds proc and sys.
MachineFacts machine_facts(const std::filesystem::path& root = "/");

struct DiskFacts {
    std::filesystem::path folder;
    int64_t free_bytes = 0;
    bool writable = false;
};
DiskFacts disk_facts(const std::filesystem::path& folder);

// The CUDA version that the installed driver runs, as 12080 for 12.8; 0 where there is no driver.
int gpu_driver_api();

// Where `program` is found along PATH, or "".
std::string found_on_path(const char* program);

// The soft limit of a resource (RLIMIT_NOFILE, ...); nothing: no limit.
std::optional<int64_t> soft_limit(int resource);

}   // namespace llmft
