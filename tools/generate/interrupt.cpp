#include "tools/generate/interrupt.h"

#include <csignal>

#include <atomic>

namespace llmft {
namespace {

std::atomic<bool> came{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may touch nothing else");
struct sigaction before_scope = {};

extern "C" void llmft_on_interrupt(int number) {
    if (!came.exchange(true)) return;
    std::signal(number, SIG_DFL);
    std::raise(number);   // is delivered when this handler returns
}

}   // namespace

InterruptScope::InterruptScope() {
    came = false;
    sigaction(SIGINT, nullptr, &before_scope);
    if (before_scope.sa_handler == SIG_IGN) return;   // nohup
    struct sigaction action = {};
    action.sa_handler = llmft_on_interrupt;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
}

InterruptScope::~InterruptScope() {
    sigaction(SIGINT, &before_scope, nullptr);
}

bool InterruptScope::interrupted() {
    return came.load();
}

}   // namespace llmft
