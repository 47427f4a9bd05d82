#include "tests/harness/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/harness/sanitizers.h"

namespace llmft::test {
namespace {

constexpr bool kCountsBytes = !kSanitized;   // a sanitizer's allocator is another

constexpr int64_t kNever = INT64_MAX;
std::atomic<int64_t> live = 0, peak = 0, calls = 0;
std::atomic<int64_t> first_to_fail = kNever, last_to_fail = kNever;   // numbers of calls

int64_t size_of(void* bytes) {
    return kCountsBytes ? static_cast<int64_t>(malloc_usable_size(bytes)) : 0;
}

void count_call() {
    const int64_t call = calls.fetch_add(1, std::memory_order_relaxed) + 1;
    if (call < first_to_fail.load(std::memory_order_relaxed) || call > last_to_fail.load(std::memory_order_relaxed))
        return;
    if (const auto handler = std::get_new_handler()) handler();
    throw std::bad_alloc();
}

void* counted(void* bytes) {
    if (bytes == nullptr) throw std::bad_alloc();
    const int64_t size = size_of(bytes);
    const int64_t now = live.fetch_add(size, std::memory_order_relaxed) + size;
    int64_t most = peak.load(std::memory_order_relaxed);
    while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
    return bytes;
}

void release(void* bytes) {
    if (bytes == nullptr) return;
    live.fetch_sub(size_of(bytes), std::memory_order_relaxed);
    std::free(bytes);
}

}   // namespace

bool counts_allocations() {
    return kCountsBytes;
}

int64_t live_bytes() {
    return live;
}
void reset_peak() {
    peak = live.load();
}
int64_t peak_live_bytes() {
    return peak;
}

int64_t allocation_count() {
    return calls;
}

FailingAllocation::FailingAllocation(int64_t n, Failing failing) {
    const int64_t first = calls + n;
    last_to_fail = failing == Failing::kOnce ? first : kNever;
    first_to_fail = first;
}

FailingAllocation::~FailingAllocation() {
    first_to_fail = kNever;
}

bool FailingAllocation::happened() const {
    return calls >= first_to_fail;
}

}   // namespace llmft::test

// The forms for arrays call these. libstdc++'s nothrow form would too, but a sanitizer's does not: std::stable_sort.
void* operator new(std::size_t bytes) {
    llmft::test::count_call();
    return llmft::test::counted(std::malloc(bytes == 0 ? 1 : bytes));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    llmft::test::count_call();
    const auto step = static_cast<std::size_t>(alignment);
    return llmft::test::counted(std::aligned_alloc(step, (bytes + step - 1) / step * step));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    try {
        return operator new(bytes);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* bytes, const std::nothrow_t&) noexcept {
    llmft::test::release(bytes);
}
void operator delete(void* bytes) noexcept {
    llmft::test::release(bytes);
}
void operator delete(void* bytes, std::size_t) noexcept {
    llmft::test::release(bytes);
}
void operator delete(void* bytes, std::align_val_t) noexcept {
    llmft::test::release(bytes);
}
void operator delete(void* bytes, std::size_t, std::align_val_t) noexcept {
    llmft::test::release(bytes);
}
