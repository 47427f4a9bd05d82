// Counts what `new` gives out, and lets it fail. Under sanitizers, which bring an allocator of their own, the bytes
// count as 0; failing works there too.
#pragma once

#include <cstdint>

namespace llmft::test {

bool counts_allocations();

// Bytes held now by all of the process, and the most since the last reset.
int64_t live_bytes();
void reset_peak();
int64_t peak_live_bytes();

// The most that was held at once while `act` ran, beyond what was held before.
template <class Act>
int64_t peak_bytes(const Act& act) {
    const int64_t before = live_bytes();
    reset_peak();
    act();
    return peak_live_bytes() - before;
}

// Calls of `new` by all threads since the process began.
int64_t allocation_count();

// While it lives, the n-th `new` from its making on (1: the next one), on whatever thread, throws std::bad_alloc;
// kFromThere: all later ones too.
enum class Failing : uint8_t { kOnce, kFromThere };
class FailingAllocation {
public:
    FailingAllocation(int64_t n, Failing);
    FailingAllocation(const FailingAllocation&) = delete;
    FailingAllocation& operator=(const FailingAllocation&) = delete;
    ~FailingAllocation();

    bool happened() const;   // false: the process asked less than n times
};

}   // namespace llmft::test
