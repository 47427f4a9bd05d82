// The program that libFuzzer runs: one target over one input after another. Beside what the sanitizers see, it ends
// where a reader holds more memory than its bytes give it a right to.
#include <cstdio>
#include <cstdlib>

#include <atomic>

#include "kernels/base/parallel.h"
#include "tests/fuzz/memory_bound.h"
#include "tests/fuzz/targets.h"

// Of the sanitizers (sanitizer/allocator_interface.h).
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*, size_t),
                                                         void (*freed)(const volatile void*));
extern "C" size_t __sanitizer_get_allocated_size(const volatile void* bytes);

namespace {

std::atomic<int64_t> live = 0, peak = 0;

void count_allocated(const volatile void*, size_t bytes) {
    const int64_t now = live.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
    if (const int64_t sum = now + static_cast<int64_t>(bytes); sum > peak.load(std::memory_order_relaxed))
        peak.store(sum, std::memory_order_relaxed);
}

void count_freed(const volatile void* bytes) {
    if (bytes == nullptr) return;
    const auto size = static_cast<int64_t>(__sanitizer_get_allocated_size(bytes));
    live.fetch_sub(size, std::memory_order_relaxed);
}

}   // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    llmft::set_thread_count(1);
    __sanitizer_install_malloc_and_free_hooks(count_allocated, count_freed);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    const int64_t before = live;
    peak = before;
    LLMFT_FUZZ_READ({reinterpret_cast<const char*>(bytes), size});
    if (peak - before > llmft::fuzz::most_bytes(LLMFT_FUZZ_TARGET, size)) {
        std::fprintf(stderr, "%zu bytes made the reader hold %lld\n", size, static_cast<long long>(peak - before));
        std::abort();
    }
    return 0;
}
