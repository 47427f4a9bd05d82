#include "tools/little_memory.h"

#include <execinfo.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "engine/log/log.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kStackBytes = size_t{2} << 20;   // attention takes nearly half of it

// Half of a smaller limit: there the rest is the machine's to give.
size_t stack_bytes() {
    rlimit limit = {};
    const bool known = getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return known ? std::min(kStackBytes, static_cast<size_t>(limit.rlim_cur) / 2) : kStackBytes;
}

[[gnu::noinline]] void touch_stack(size_t bytes) {
    void* const stack = __builtin_alloca(bytes);
    std::memset(stack, 0, bytes);
    asm volatile("" : : "r"(stack) : "memory");   // it is looked at, so it has to be there
}

std::atomic<bool> ran_out = false;

void note_and_throw() {
    ran_out = true;
    throw std::bad_alloc();
}

[[noreturn]] void end_without_unwinding() {
    // libstdc++ terminates from within its own functions without catching first.
    if (ran_out && std::current_exception() == nullptr) _exit(fail_for_memory());
    try {
        if (const std::exception_ptr now = std::current_exception()) std::rethrow_exception(now);
    } catch (const std::bad_alloc&) {
        _exit(fail_for_memory());
    } catch (...) {
    }
    std::abort();
}

}   // namespace

void prepare_for_little_memory() {
    // glibc opens libgcc_s when it unwinds a thread for the first time, and aborts where it finds no room then.
    void* frame = nullptr;
    backtrace(&frame, 1);
    std::set_new_handler(note_and_throw);
    std::set_terminate(end_without_unwinding);
    void* const room =
        mmap(nullptr, 2 * kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) _exit(fail_for_memory());
    munmap(room, 2 * kStackBytes);
    touch_stack(stack_bytes());
}

int fail_for_memory() noexcept {
    constexpr std::string_view kLine =
        "llmft: error E-MEMORY: host memory: none left; close other programs or use a smaller job\n";
    log::drop();
    std::fwrite(kLine.data(), 1, kLine.size(), stderr);
    std::fflush(stderr);
    return static_cast<int>(ExitCode::kOutOfResources);
}

}   // namespace llmft
