#include "engine/log/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace llmft {
namespace {

size_t terminal_columns() {
    winsize size = {};
    constexpr size_t kUsual = 80;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

}   // namespace

std::string clock_text(double seconds) {
    const auto s = static_cast<int64_t>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    return fmt::format("{}:{:02}", s / 60, s % 60);
}

Progress::Progress(int64_t total_steps, int64_t logging_steps, int64_t first)
    : total_steps_(total_steps),
      logging_steps_(std::max<int64_t>(1, logging_steps)),
      first_(first),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (line_open_) std::fputs("\n", stderr);
}

void Progress::live(const std::string& line) {
    fmt::print(stderr, "\r{}\x1b[K", line.substr(0, terminal_columns() - 1));
    std::fflush(stderr);
    line_open_ = true;
}

void Progress::step(const StepRecord& r) {
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const auto done = static_cast<double>(std::max<int64_t>(1, r.step - first_));
    const double left = elapsed / done * static_cast<double>(total_steps_ - r.step);
    std::string line =
        fmt::format("step {}/{}  loss {:.4f}  {:.0f} tok/s  {} left  |g| {:.3g}  lr {:.3g}  epoch {:.2f}", r.step,
                    total_steps_, r.loss, r.tokens_per_second, clock_text(left), r.grad_norm, r.learning_rate, r.epoch);
    if (r.eval_loss) line += fmt::format("  eval loss {:.4f}", *r.eval_loss);
    const bool stays = r.step % logging_steps_ == 0 || r.step == total_steps_ || r.step == first_ + 1 || r.eval_loss;
    if (terminal_) {
        live(line);
        if (!stays) return;
    } else if (stays) {
        std::fputs(line.c_str(), stderr);
    }
    if (stays) std::fputs("\n", stderr);
    line_open_ = false;
}

}   // namespace llmft
