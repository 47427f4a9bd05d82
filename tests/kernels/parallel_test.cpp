#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "kernels/base/parallel.h"

namespace llmft::test {
namespace {

class ThreadsScope {
public:
    explicit ThreadsScope(int n) : before_(thread_count()) { set_thread_count(n); }
    ~ThreadsScope() { set_thread_count(before_); }
    ThreadsScope(const ThreadsScope&) = delete;
    ThreadsScope& operator=(const ThreadsScope&) = delete;

private:
    int before_;
};

}   // namespace

TEST_CASE("parallel_for runs every task once, for any number of threads") {
    for (const int threads : {1, 2, 3, 8}) {
        const ThreadsScope scope(threads);
        CHECK(thread_count() == threads);
        for (const int64_t tasks : {0, 1, 2, 3, 100, 1000}) {
            std::vector<int> runs(static_cast<size_t>(tasks), 0);
            parallel_for(tasks, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
            for (const int n : runs) CHECK(n == 1);
        }
    }
}

TEST_CASE("parallel_for returns only when the writes of all tasks are visible, over many short jobs") {
    const ThreadsScope scope(3);
    std::vector<int64_t> cells(7, 0);
    for (int64_t round = 1; round <= 20'000; ++round) {
        parallel_for(7, [&](int64_t task) { cells[static_cast<size_t>(task)] += task + 1; });
        if (cells[6] != round * 7) FAIL("round ", round, " returned early");
    }
    for (int64_t task = 0; task < 7; ++task) CHECK(cells[static_cast<size_t>(task)] == 20'000 * (task + 1));
}

TEST_CASE("parallel_for inside a task runs in place") {
    const ThreadsScope scope(3);
    std::atomic<int64_t> sum{0};
    parallel_for(10, [&](int64_t) {
        const std::thread::id here = std::this_thread::get_id();
        parallel_for(10, [&](int64_t inner) { sum += here == std::this_thread::get_id() ? inner : -1'000'000; });
    });
    CHECK(sum == 450);
}

TEST_CASE("parallel_for waits for a task of another thread that takes long") {
    const ThreadsScope scope(2);
    for (int round = 0; round < 5; ++round) {
        const std::thread::id caller = std::this_thread::get_id();
        std::atomic<int> started{0};
        bool written = false;
        parallel_for(2, [&](int64_t) {
            ++started;
            while (started < 2) std::this_thread::yield();   // so that each thread has one
            if (std::this_thread::get_id() == caller) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            written = true;
        });
        CHECK(written);
    }
}

TEST_CASE("parallel_for of a second caller does not wait for the first one's tasks") {
    const ThreadsScope scope(2);
    std::atomic<bool> second_done{false};
    std::thread second;
    parallel_for(2, [&](int64_t task) {
        if (task != 0) return;
        second = std::thread([&] {
            parallel_for(2, [](int64_t) {});
            second_done = true;
        });
        for (int ms = 0; ms < 5000 && !second_done; ++ms) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        CHECK(second_done);
    });
    second.join();
}

TEST_CASE("parallel_for may be called from several threads at once") {
    const ThreadsScope scope(2);
    std::atomic<int64_t> sum{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int round = 0; round < 500; ++round) parallel_for(5, [&](int64_t task) { sum += task; });
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(sum == 4 * 500 * 10);
}

TEST_CASE("parallel_rows cuts rows by the grain alone") {
    const ThreadsScope scope(2);
    std::vector<int64_t> last_of(11, -1);
    parallel_rows(11, 4, [&](int64_t first, int64_t last) { last_of[static_cast<size_t>(first)] = last; });
    CHECK(last_of == std::vector<int64_t>{4, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1});
    parallel_rows(0, 4, [&](int64_t, int64_t) { FAIL("no rows, no task"); });
}

TEST_CASE("requests to stop reach the caller alone, and a worker's own faults the worker") {
    const ThreadsScope threads(3);
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> in_workers = 0, wrong = 0;
    const auto takes = [](int number) {
        sigset_t blocked;
        pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        return sigismember(&blocked, number) == 0;
    };
    for (int round = 0; round < 100 && in_workers == 0; ++round)
        parallel_for(64, [&](int64_t) {
            const bool of_caller = std::this_thread::get_id() == caller;
            if (!of_caller) ++in_workers;
            for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
                if (takes(number) != of_caller) ++wrong;
            if (!takes(SIGSEGV) || !takes(SIGBUS)) ++wrong;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        });
    CHECK(in_workers > 0);
    CHECK(wrong == 0);
}

}   // namespace llmft::test
