#include "tools/signals.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace llmft {
namespace {

std::atomic<int> first_signal{0};
std::atomic<int64_t> first_ms{0};   // when it came
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free,
              "the handler may touch nothing else");

int64_t now_ms() {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

extern "C" void llmft_on_stop_signal(int number) {
    int none = 0;
    if (first_signal.compare_exchange_strong(none, number)) {
        first_ms = now_ms();
        constexpr char kText[] = "\nllmft: stopping after this step; again to quit now\n";
        const int error_of_the_interrupted = errno;
        [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kText, sizeof kText - 1);
        errno = error_of_the_interrupted;
        return;
    }
    constexpr int64_t kClosingMs = 1000;
    if (number == SIGHUP && now_ms() - first_ms < kClosingMs) return;
    std::signal(number, SIG_DFL);
    std::raise(number);   // is delivered when this handler returns
}

// oneDNN's products keep the stack register on a buffer of the heap for a while. The frame of a handler that came then
// would be written over what lies below that buffer.
void give_handlers_a_stack() {
    alignas(64) static std::byte bytes[size_t{1} << 16];
    stack_t there = {};
    if (sigaltstack(nullptr, &there) == 0 && (there.ss_flags & SS_DISABLE) == 0) return;   // a sanitizer's
    stack_t own = {};
    own.ss_sp = bytes;
    own.ss_size = sizeof bytes;
    sigaltstack(&own, nullptr);
}

}   // namespace

void install_stop_signals() {
    give_handlers_a_stack();
    std::signal(SIGPIPE, SIG_IGN);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
        struct sigaction before = {};
        sigaction(number, nullptr, &before);
        if (before.sa_handler == SIG_IGN) continue;
        struct sigaction action = {};
        action.sa_handler = llmft_on_stop_signal;
        action.sa_flags = SA_RESTART | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(number, &action, nullptr);
    }
}

bool stop_requested() {
    return first_signal.load() != 0;
}

int stop_signal() {
    return first_signal.load();
}

}   // namespace llmft
