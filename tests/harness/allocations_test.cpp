#include "tests/harness/allocations.h"

#include <doctest/doctest.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "tests/harness/skip.h"

using namespace llmft::test;

TEST_CASE("the allocation that is chosen fails, and the ones before and behind it do not") {
    for (const int64_t n : {1, 2, 3}) {
        CAPTURE(n);
        int64_t made = 0, failed_at = 0;
        std::vector<std::unique_ptr<std::string>> kept;
        kept.reserve(8);
        bool happened = false;
        {
            const FailingAllocation failing(n, Failing::kOnce);
            for (int64_t i = 1; i <= 4; ++i) try {
                    kept.push_back(std::make_unique<std::string>());
                    ++made;
                } catch (const std::bad_alloc&) {
                    failed_at = i;
                }
            happened = failing.happened();
        }
        CHECK(happened);
        CHECK(failed_at == n);
        CHECK(made == 3);
    }
}

TEST_CASE("memory that is gone for good stays so until the end of the scope") {
    int failures = 0;
    std::vector<std::unique_ptr<std::string>> kept;
    kept.reserve(8);
    {
        const FailingAllocation failing(2, Failing::kFromThere);
        for (int i = 0; i < 4; ++i) try {
                kept.push_back(std::make_unique<std::string>());
            } catch (const std::bad_alloc&) {
                ++failures;
            }
    }
    CHECK(failures == 3);
    CHECK_NOTHROW(kept.push_back(std::make_unique<std::string>()));
}

TEST_CASE("the peak is what was held at once, not the sum") {
    if (!counts_allocations()) return skip("sanitizers bring an allocator of their own");
    constexpr size_t kBytes = size_t{1} << 20;
    const int64_t peak = peak_bytes([] {
        // A call, which no compiler leaves out as it may a new-expression.
        for (int i = 0; i < 3; ++i) ::operator delete(::operator new(kBytes));
    });
    CHECK(peak >= static_cast<int64_t>(kBytes));
    CHECK(peak < static_cast<int64_t>(2 * kBytes));
}
