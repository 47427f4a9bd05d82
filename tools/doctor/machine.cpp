#include "tools/doctor/machine.h"

#include <dlfcn.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/core/container.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

// "model name	: AMD EPYC" → "AMD EPYC" for "model name".
std::optional<std::string> value_behind(const std::string& line, std::string_view key) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(key)) return std::nullopt;
    const size_t name_end = line.find_last_not_of(" \t", colon - 1);
    if (colon == 0 || name_end + 1 != key.size()) return std::nullopt;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
}

void read_processor(const fs::path& root, MachineFacts& facts) {
    std::ifstream file(root / "proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (value_behind(line, "processor")) ++facts.online_cores;
        if (const auto name = value_behind(line, "model name"); name && facts.processor.empty())
            facts.processor = *name;
        for (const char* key : {"flags", "Features"}) {
            const auto words = value_behind(line, key);
            if (!words || !facts.features.empty()) continue;
            std::istringstream all(*words);
            for (std::string word; all >> word;) facts.features.insert(word);
        }
    }
}

void read_memory(const fs::path& root, MachineFacts& facts) {
    std::ifstream file(root / "proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        const auto kib = [&](const char* key) {
            const auto text = value_behind(line, key);
            return text ? std::atoll(text->c_str()) * 1024 : 0;
        };
        facts.memory_bytes += kib("MemTotal");
        facts.available_bytes += kib("MemAvailable");
    }
    std::ifstream pages(root / "sys/kernel/mm/transparent_hugepage/enabled");
    std::string line;   // "always [madvise] never"
    std::getline(pages, line);
    const size_t open = line.find('['), close = line.find(']');
    if (open < close && close != std::string::npos) facts.huge_pages = line.substr(open + 1, close - open - 1);
}

void read_gpus(const fs::path& root, MachineFacts& facts) {
    std::ifstream version(root / "proc/driver/nvidia/version");
    std::string line, word;
    if (std::getline(version, line)) {
        facts.gpu_driver = "?";
        std::istringstream words(line);   // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.10  ..."
        while (words >> word)
            if (word.find('.') != std::string::npos && word[0] >= '0' && word[0] <= '9') {
                facts.gpu_driver = word;
                break;
            }
    }
    std::error_code none;
    for (const auto& gpu : fs::directory_iterator(root / "proc/driver/nvidia/gpus", none)) {
        std::ifstream about(gpu.path() / "information");
        while (std::getline(about, line))
            if (const auto model = value_behind(line, "Model")) facts.gpus.push_back(*model);
    }
    std::sort(facts.gpus.begin(), facts.gpus.end());
}

}   // namespace

MachineFacts machine_facts(const fs::path& root) {
    MachineFacts facts;
    read_processor(root, facts);
    read_memory(root, facts);
    read_gpus(root, facts);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    facts.allowed_cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    const ContainerLimits limits = container_limits(root);
    facts.quota_cores = limits.cores;
    facts.limit_bytes = std::min(limits.memory_bytes, facts.memory_bytes);
    facts.available_bytes = std::min(facts.available_bytes, facts.limit_bytes);
    return facts;
}

DiskFacts disk_facts(const fs::path& folder) {
    DiskFacts facts = {.folder = folder, .free_bytes = 0, .writable = access(folder.c_str(), W_OK) == 0};
    struct statvfs about = {};
    if (statvfs(folder.c_str(), &about) == 0)
        facts.free_bytes = static_cast<int64_t>(about.f_bavail) * static_cast<int64_t>(about.f_frsize);
    return facts;
}

int gpu_driver_api() {
    void* const library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) return 0;
    int version = 0;
    if (void* const symbol = dlsym(library, "cuDriverGetVersion"))   // needs no initialisation
        if (reinterpret_cast<int (*)(int*)>(symbol)(&version) != 0) version = 0;
    dlclose(library);
    return version;
}

std::string found_on_path(const char* program) {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const fs::path candidate = fs::path(folder) / program;
        if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate.string();
    }
    return "";
}

std::optional<int64_t> soft_limit(int resource) {
    struct rlimit limit = {};
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::nullopt;
    return static_cast<int64_t>(limit.rlim_cur);
}

}   // namespace llmft
