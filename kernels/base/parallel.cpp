// The pool: workers take task numbers from one counter. A job is published by opening a gate; a worker enters by adding
// itself to the gate and may touch the job only if it found it open; the caller closes the gate and leaves when
// everyone inside has left. So a worker that wakes late finds a closed gate instead of a job that is gone.
#include "kernels/base/parallel.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace llmft {
namespace {

// Then sleep: a worker that spins on a busy machine takes whole scheduler slices from the one that works.
constexpr int kSpins = 2000;
constexpr int kMaxThreads = 1024;
constexpr uint32_t kOpen = 1u << 31;

thread_local bool inside_task = false;

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Libraries that thread by OpenMP (oneDNN) must use the calling thread alone: their own cut of the work would change
// bits.
void keep_libraries_single_threaded() {
    thread_local bool done = false;
    if (done) return;
    done = true;
    if (void* const symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(symbol)(1);
}

struct Job {
    int64_t tasks = 0;
    void (*body)(void* context, int64_t task) = nullptr;
    void* context = nullptr;
};

void run_in_place(const Job& job) {
    for (int64_t task = 0; task < job.tasks; ++task) job.body(job.context, task);
}

// Threads that begin meanwhile get no signal but those of their own faults: all others are the main thread's, which
// alone has a stack for their handlers (tools/signals.cpp).
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t others;
        sigfillset(&others);
        for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&others, own);
        pthread_sigmask(SIG_BLOCK, &others, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_ = {};
};

class Pool {
public:
    // As many threads as the machine gives: fewer do the same work.
    explicit Pool(int threads) {
        const SignalsBlocked blocked;
        workers_.reserve(static_cast<size_t>(threads - 1));
        try {
            for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
        } catch (const std::bad_alloc&) {
        }
    }
    ~Pool() {
        stop_.store(true);
        announce();
        for (std::thread& worker : workers_) worker.join();
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    int threads() const { return static_cast<int>(workers_.size()) + 1; }

    void run(const Job& job) {
        std::unique_lock<std::mutex> only_caller(caller_, std::try_to_lock);
        if (!only_caller.owns_lock() || workers_.empty()) return run_in_place(job);
        job_ = job;
        next_.store(0, std::memory_order_relaxed);
        gate_.fetch_or(kOpen);
        announce();
        take_tasks();
        gate_.fetch_and(~kOpen);
        for (int spin = 0; spin < kSpins && gate_.load() != 0; ++spin) relax();
        if (gate_.load() != 0) {
            std::unique_lock<std::mutex> lock(sleep_);
            left_.wait(lock, [this] { return gate_.load() == 0; });
        }
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

private:
    void take_tasks() {
        const Job job = job_;
        inside_task = true;
        try {
            for (int64_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < job.tasks;)
                job.body(job.context, task);
        } catch (...) {
            const std::lock_guard<std::mutex> lock(sleep_);
            failure_ = std::current_exception();
        }
        inside_task = false;
    }

    void announce() {
        epoch_.fetch_add(1);
        if (sleepers_.load() == 0) return;
        { const std::lock_guard<std::mutex> lock(sleep_); }
        published_.notify_all();
    }

    void wait_for_news(uint32_t seen) {
        for (int spin = 0; spin < kSpins; ++spin) {
            if (epoch_.load() != seen) return;
            relax();
        }
        std::unique_lock<std::mutex> lock(sleep_);
        sleepers_.fetch_add(1);
        published_.wait(lock, [&] { return epoch_.load() != seen; });
        sleepers_.fetch_sub(1);
    }

    void work() {
        keep_libraries_single_threaded();
        for (uint32_t seen = 0; !stop_.load();) {
            wait_for_news(seen);
            seen = epoch_.load();
            if ((gate_.fetch_add(1) & kOpen) != 0) take_tasks();
            if (gate_.fetch_sub(1) != 1) continue;   // still open, or others inside
            { const std::lock_guard<std::mutex> lock(sleep_); }
            left_.notify_one();
        }
    }

    std::mutex caller_;   // held while a job runs; a second caller runs its own in place
    Job job_;
    std::exception_ptr failure_;   // of one of its tasks; written under sleep_, read when everyone has left
    std::atomic<int64_t> next_{0};
    std::atomic<uint32_t> gate_{0};   // kOpen, plus the number of workers inside
    std::atomic<uint32_t> epoch_{0};
    std::atomic<int> sleepers_{0};
    std::atomic<bool> stop_{false};
    std::mutex sleep_;
    std::condition_variable published_;
    std::condition_variable left_;
    std::vector<std::thread> workers_;
};

int threads_at_start() {
    const char* const wanted = std::getenv("OMP_NUM_THREADS");
    const long n = wanted != nullptr ? std::strtol(wanted, nullptr, 10) : 0;
    if (n >= 1) return n < kMaxThreads ? static_cast<int>(n) : kMaxThreads;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const int cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
    return cores >= 1 ? cores : 1;
}

std::unique_ptr<Pool>& pool() {
    static auto instance = std::make_unique<Pool>(threads_at_start());
    return instance;
}

}   // namespace

int thread_count() {
    return pool()->threads();
}

void set_thread_count(int n) {
    pool().reset();
    pool() = std::make_unique<Pool>(n > 1 ? n : 1);
}

namespace detail {

void run_tasks(int64_t tasks, void (*body)(void* context, int64_t task), void* context) {
    const Job job{tasks, body, context};
    keep_libraries_single_threaded();
    if (inside_task || tasks <= 1) return run_in_place(job);
    pool()->run(job);
}

}   // namespace detail
}   // namespace llmft
