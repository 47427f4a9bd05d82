// The CPU dialect's thread pool. Work is cut into tasks by shapes alone; threads only decide who runs a task, never how
// it is cut, so no result depends on their number. One pool per process; calls from inside a task run in place.
// Its threads take no signals but those of their own faults.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace llmft {

// Threads used: OMP_NUM_THREADS where it is set, else the cores that this process may use. At least 1.
int thread_count();
// For tests: restart the pool with n threads. Not to be called while a parallel_for runs.
void set_thread_count(int n);

namespace detail {
void run_tasks(int64_t tasks, void (*body)(void* context, int64_t task), void* context);
}

// Calls body(task) for every task in [0, tasks), in any order, on any thread, and returns when all are done. Body must
// not write what another task reads or writes. If it throws, tasks may be left out, and one exception leaves here.
template <class Body>
void parallel_for(int64_t tasks, Body&& body) {
    detail::run_tasks(
        tasks, [](void* context, int64_t task) { (*static_cast<std::remove_reference_t<Body>*>(context))(task); },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// Rows in tasks of `grain`: body(first, last).
template <class Body>
void parallel_rows(int64_t rows, int64_t grain, Body&& body) {
    parallel_for((rows + grain - 1) / grain, [&](int64_t task) {
        const int64_t first = task * grain;
        const int64_t last = first + grain < rows ? first + grain : rows;
        body(first, last);
    });
}

// Rows of `cols` elements that make a task worth its handing out: some microseconds of work.
constexpr int64_t kTaskElements = 16384;
[[gnu::always_inline]] inline int64_t rows_per_task(int64_t cols) {
    return cols < kTaskElements ? kTaskElements / (cols > 0 ? cols : 1) : 1;
}

}   // namespace llmft
