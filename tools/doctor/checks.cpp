#include "tools/doctor/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/sheet.h"

namespace llmft {
namespace {

using Status = CheckStatus;

constexpr int64_t kLittleMemory = int64_t{1} << 30;
constexpr int64_t kNoMemory = int64_t{64} << 20;   // a tiny model and its tokenizer
constexpr int64_t kLittleDisk = int64_t{1} << 30;
constexpr int64_t kFewFiles = 256;     // a model of many shards is mapped whole
constexpr int kNeededDriver = 12080;   // CUDA 12.8

bool has(const Examined& e, const char* feature) {
    return e.machine.features.contains(feature);
}

Check processor(const Examined& e) {
    std::vector<std::string> found;
    for (const char* feature : {"avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve", "bf16"})
        if (has(e, feature)) found.emplace_back(feature);
    return {.name = "processor",
            .status = Status::kWorks,
            .value = fmt::format("{}, {} cores; {}", e.machine.processor.empty() ? "?" : e.machine.processor,
                                 e.machine.online_cores, fmt::join(found, " ")),
            .reason = "",
            .fix = ""};
}

Check kernels(const Examined& e) {
    Check check = {
        .name = "kernels", .status = Status::kWorks, .value = "compiled for " + e.isa, .reason = "", .fix = ""};
    if (e.isa != "x86-64-v2") return check;
    check.status = Status::kSlower;
    check.reason = "this processor has no AVX2";
    return check;
}

Check threads(const Examined& e) {
    const int cores =
        static_cast<int>(std::max(1.0, std::min(static_cast<double>(e.machine.allowed_cores), e.machine.quota_cores)));
    Check check = {.name = "threads",
                   .status = Status::kWorks,
                   .value = fmt::format("{} for {} cores", e.threads, cores),
                   .reason = "",
                   .fix = ""};
    if (e.wanted_threads) check.value += ", OMP_NUM_THREADS=" + *e.wanted_threads;
    if (e.threads < cores) {
        check.status = Status::kSlower;
        check.reason = fmt::format("OMP_NUM_THREADS leaves {} cores idle", cores - e.threads);
        check.fix = "unset OMP_NUM_THREADS";
    } else if (e.threads > cores) {
        check.status = Status::kSlower;
        check.reason = e.machine.quota_cores < e.machine.allowed_cores
                           ? fmt::format("the container has the time of {:.1f} cores", e.machine.quota_cores)
                           : "more threads than cores wait for each other";
        check.fix = fmt::format("export OMP_NUM_THREADS={}", cores);
    } else if (e.machine.allowed_cores < e.machine.online_cores) {
        check.value +=
            fmt::format("; {} of the machine's {} are allowed", e.machine.allowed_cores, e.machine.online_cores);
    }
    return check;
}

Check memory(const Examined& e) {
    const MachineFacts& m = e.machine;
    Check check = {.name = "memory",
                   .status = Status::kWorks,
                   .value = fmt::format("{} free of {}", bytes_text(m.available_bytes), bytes_text(m.memory_bytes)),
                   .reason = "",
                   .fix = ""};
    if (m.limit_bytes < m.memory_bytes)
        check.value += fmt::format(", the container may have {}", bytes_text(m.limit_bytes));
    if (e.address_space) check.value += fmt::format(", ulimit -v {}", bytes_text(*e.address_space));
    const int64_t room = std::min(m.available_bytes, e.address_space.value_or(m.available_bytes));
    if (room < kNoMemory) {
        check.status = Status::kBroken;
        check.reason = "not even a small model fits";
        check.fix = e.address_space && *e.address_space < kNoMemory ? "ulimit -v unlimited" : "end other programs";
    } else if (room < kLittleMemory) {
        check.status = Status::kSlower;
        check.reason = "a model of a hundred million weights needs 1 GiB";
        check.fix = "llmft plan says what a run needs; --memory-limit and --gradient-checkpointing full lower it";
    } else if (e.address_space) {
        check.status = Status::kSlower;
        check.reason = "files are mapped whole: a model larger than ulimit -v is refused";
        check.fix = "ulimit -v unlimited";
    }
    return check;
}

Check huge_pages(const Examined& e) {
    Check check = {
        .name = "huge pages", .status = Status::kWorks, .value = e.machine.huge_pages, .reason = "", .fix = ""};
    if (check.value.empty()) check.value = "not said";
    if (e.machine.huge_pages != "never") return check;
    check.status = Status::kSlower;
    check.reason = "large matrices lie in small pages";
    check.fix = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled   (as root)";
    return check;
}

Check library(const Examined& e) {
    if (!e.library.empty())
        return {.name = "products", .status = Status::kWorks, .value = e.library, .reason = "", .fix = ""};
    return {.name = "products",
            .status = Status::kSlower,
            .value = "of our own",
            .reason = "this llmft was built without oneDNN",
            .fix = "apt-get install libdnnl-dev && make"};
}

Check bf16(const Examined& e) {
    Check check = {.name = "bf16", .status = Status::kWorks, .value = "", .reason = "", .fix = ""};
    if (e.bf16_products) {
        check.value = has(e, "amx_bf16") ? "AMX" : has(e, "avx512_bf16") ? "AVX512_BF16" : "by the processor";
        return check;
    }
    check.status = Status::kMissing;
    check.value = "no products in bf16";
    const bool processor_can = has(e, "avx512_bf16") || has(e, "amx_bf16");
    check.reason = processor_can ? "the processor has them, this llmft was built without oneDNN"
                                 : "this processor has neither AVX512_BF16 nor AMX; use --dtype f32";
    check.fix = processor_can ? "apt-get install libdnnl-dev && make" : "";
    return check;
}

// Inputs are exact, accumulation is in f32: an error past this is not rounding. 1024 terms lose at most 1024 ulps of
// the sum of their sizes, 2^-14.
constexpr double kWrong = 0x1p-14;

Check speed(const char* name, const char* what, const ProductSpeed& measured) {
    Check check = {.name = name, .status = Status::kWorks, .value = "", .reason = "", .fix = ""};
    check.value = fmt::format("{:.0f} GFLOP/s {}", measured.gflops, what);
    if (measured.worst_error <= kWrong) return check;
    check.status = Status::kBroken;
    check.reason = fmt::format("the results are wrong by {:.2g}", measured.worst_error);
    check.fix = "try --portable, and another build of oneDNN";
    return check;
}

void speeds(const Examined& e, std::vector<Check>& checks) {
    if (e.f32) checks.push_back(speed("f32 speed", "by oneDNN", *e.f32));
    if (e.bf16) {
        Check check = speed("bf16 speed", "by oneDNN", *e.bf16);
        if (check.status == Status::kWorks && e.f32 && e.bf16->gflops < e.f32->gflops) {
            check.status = Status::kSlower;
            check.reason = "slower than f32 here: use it to save memory alone";
        }
        checks.push_back(check);
    }
    if (e.portable) checks.push_back(speed("portable", "by our own kernel (--portable)", *e.portable));
    if (e.copy_gbs)
        checks.push_back({.name = "bandwidth",
                          .status = Status::kWorks,
                          .value = fmt::format("{:.1f} GB/s of memory, read and written", *e.copy_gbs),
                          .reason = "",
                          .fix = ""});
}

Check gpu(const Examined& e) {
    const auto off = std::find_if(e.build.off.begin(), e.build.off.end(),
                                  [](const std::string& line) { return line.find("GPUs:") != std::string::npos; });
    const std::string driver = e.machine.gpu_driver.value_or("");
    Check check = {.name = "GPU", .status = Status::kWorks, .value = "", .reason = "", .fix = ""};
    check.value =
        e.machine.gpus.empty() ? "none" : fmt::format("{}; driver {}", fmt::join(e.machine.gpus, ", "), driver);
    if (e.machine.gpus.empty()) return check;   // nothing is missing where there is none
    check.status = Status::kMissing;
    if (off != e.build.off.end()) {
        check.reason = off->substr(off->find(": ") + 2);
    } else if (e.gpu_driver_api < kNeededDriver) {
        check.reason = e.gpu_driver_api == 0 ? "its driver library libcuda.so.1 is not found"
                                             : fmt::format("the driver runs CUDA {}.{}, 12.8 is needed",
                                                           e.gpu_driver_api / 1000, e.gpu_driver_api % 1000 / 10);
        check.fix = "install NVIDIA's driver 570 or newer";
    } else {
        check.status = Status::kWorks;
    }
    return check;
}

Check disk(const Examined& e) {
    Check check = {.name = "disk",
                   .status = Status::kWorks,
                   .value = fmt::format("{} free in {}", bytes_text(e.disk.free_bytes), e.disk.folder.string()),
                   .reason = "",
                   .fix = ""};
    if (!e.disk.writable) {
        check.status = Status::kSlower;
        check.reason = "this folder cannot be written";
        check.fix = "give --output-dir another one";
    } else if (e.disk.free_bytes < kLittleDisk) {
        check.status = Status::kSlower;
        check.reason = "a model may not fit";
        check.fix = "free some space, or give --output-dir another disk";
    }
    return check;
}

Check open_files(const Examined& e) {
    Check check = {.name = "open files",
                   .status = Status::kWorks,
                   .value = e.open_files ? std::to_string(*e.open_files) : "no limit",
                   .reason = "",
                   .fix = ""};
    if (!e.open_files || *e.open_files >= kFewFiles) return check;
    check.status = Status::kSlower;
    check.reason = "a model of many shards needs one for each";
    check.fix = "ulimit -n 1024";
    return check;
}

Check ranks(const Examined& e) {
    return {.name = "ranks",
            .status = Status::kWorks,
            .value = e.mpirun.empty() ? "one; no mpirun" : "one; mpirun is " + e.mpirun,
            .reason = "",
            .fix = ""};
}

Check terminal(const Examined& e) {
    Check check = {.name = "terminal", .status = Status::kWorks, .value = "", .reason = "", .fix = ""};
    check.value = e.terminal ? fmt::format("{} columns", e.terminal_columns) : "none: plain lines at intervals";
    if (!e.terminal || e.utf8) return check;
    check.status = Status::kSlower;
    check.reason = "the locale is not UTF-8: text outside ASCII may look wrong";
    check.fix = "export LC_ALL=C.UTF-8";
    return check;
}

Check build(const Examined& e) {
    Check check = {.name = "build", .status = Status::kWorks, .value = "", .reason = "", .fix = ""};
    check.value = fmt::format("llmft {}, {}, {}", e.build.version, e.build.kind, e.build.compiler);
    if (e.build.kind == "release") return check;
    check.status = Status::kSlower;
    check.reason = "it is not optimised";
    check.fix = "make";
    return check;
}

}   // namespace

const char* name(CheckStatus status) {
    switch (status) {
        case CheckStatus::kWorks: return "works";
        case CheckStatus::kSlower: return "slower";
        case CheckStatus::kMissing: return "missing";
        case CheckStatus::kBroken: return "broken";
    }
    return "?";
}

std::vector<Check> judge(const Examined& e) {
    std::vector<Check> checks = {build(e), processor(e), kernels(e), threads(e), library(e), bf16(e)};
    speeds(e, checks);
    for (const auto& check : {memory(e), huge_pages(e), disk(e), open_files(e), gpu(e), ranks(e), terminal(e)})
        checks.push_back(check);
    std::map<std::string, std::string> off;   // what is missing, by what to do about it
    for (const std::string& line : e.build.off) {
        const size_t colon = std::min(line.find(": "), line.size());
        std::string& parts = off[line.substr(std::min(colon + 2, line.size()))];
        parts += (parts.empty() ? "" : ", ") + line.substr(0, colon);
    }
    for (const auto& [todo, parts] : off)
        checks.push_back(
            {.name = "not built", .status = CheckStatus::kMissing, .value = parts, .reason = todo, .fix = ""});
    return checks;
}

}   // namespace llmft
