#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"
#include "tools/doctor/checks.h"

namespace llmft {
namespace {

bool locale_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* const value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        const std::string text = value;
        return text.find("UTF-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
    return false;
}

void measure(Examined& e) {
    constexpr int64_t kCopy = int64_t{256} << 20;   // past the caches of all but the largest processors
    constexpr int64_t kShare = 8;                   // of the memory that is free
    constexpr int64_t kProducts = int64_t{64} << 20;
    if (e.machine.available_bytes < kProducts) return;
    if (!e.library.empty()) e.f32 = measure_products(GemmEngine::kOneDnn, DType::kF32);
    if (e.bf16_products) e.bf16 = measure_products(GemmEngine::kOneDnn, DType::kBf16);
    e.portable = measure_products(GemmEngine::kPortable, DType::kF32);
    e.copy_gbs = measure_copy(std::min(kCopy, e.machine.available_bytes / kShare));
}

}   // namespace

Examined examine(bool measured) {
    Examined e;
    e.machine = machine_facts();
    e.build = build_facts();
    e.isa = name(isa());
    e.library = cpu::gemm_library();
    e.bf16_products = cpu::gemm_has(GemmEngine::kOneDnn, DType::kBf16);
    e.threads = thread_count();
    if (const char* const wanted = std::getenv("OMP_NUM_THREADS")) e.wanted_threads = wanted;
    e.gpu_driver_api = gpu_driver_api();
    e.mpirun = found_on_path("mpirun");
    e.disk = disk_facts(std::filesystem::current_path());
    e.open_files = soft_limit(RLIMIT_NOFILE);
    e.address_space = soft_limit(RLIMIT_AS);
    e.terminal = isatty(STDERR_FILENO) == 1;
    struct winsize window = {};
    if (e.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0) e.terminal_columns = window.ws_col;
    e.utf8 = locale_is_utf8();
    if (measured) measure(e);
    return e;
}

}   // namespace llmft
