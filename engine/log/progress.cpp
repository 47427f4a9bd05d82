#include "engine/log/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "engine/log/columns.h"
#include "engine/log/say.h"

namespace llmft {
namespace {

size_t terminal_columns() {
    winsize size = {};
    constexpr size_t kUsual = 80;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

}   // namespace

std::string loss_figure(double loss) {
    constexpr double kLarge = 1e6;
    if (std::isnan(loss)) return "NaN";
    if (std::isinf(loss)) return "infinite";
    return loss < kLarge ? fmt::format("{:.4f}", loss) : fmt::format("{:.4g}", loss);
}

std::string clock_text(double seconds) {
    const auto s = static_cast<int64_t>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string progress_line(const StepRecord& r, const ProgressFacts& facts, double seconds_left, size_t columns) {
    std::vector<std::string> parts = {fmt::format("step {}/{}", r.step, facts.total_steps),
                                      fmt::format("loss {}", loss_figure(r.loss))};
    if (r.eval_loss) parts.push_back(fmt::format("eval loss {}", loss_figure(*r.eval_loss)));
    parts.push_back(fmt::format("{:.0f} tok/s", r.tokens_per_second));
    if (facts.limit_tokens_per_second > 0)
        parts.push_back(fmt::format("{:.0f} % of limit", 100 * r.tokens_per_second / facts.limit_tokens_per_second));
    parts.push_back(fmt::format("{} left", clock_text(seconds_left)));
    parts.push_back(std::isnan(r.grad_norm) ? "|g| NaN" : fmt::format("|g| {:.3g}", r.grad_norm));
    parts.push_back(fmt::format("lr {:.3g}", r.learning_rate));
    parts.push_back(fmt::format("epoch {:.2f}", r.epoch));
    std::string line(first_columns(parts.front(), columns));
    for (size_t i = 1; i < parts.size() && line.size() + 2 + parts[i].size() <= columns; ++i) line += "  " + parts[i];
    return line;
}

namespace {

// "[#####-----]" behind the line, right up to the last column.
std::string with_bar(std::string line, const StepRecord& r, int64_t total_steps, size_t columns) {
    constexpr size_t kLeast = 16, kMost = 60;
    if (columns < line.size() + 4 + kLeast) return line;
    const size_t cells = std::min(kMost, columns - line.size() - 4);
    const double share = std::clamp(static_cast<double>(r.step) / static_cast<double>(total_steps), 0.0, 1.0);
    const auto full = static_cast<size_t>(share * static_cast<double>(cells));
    return line + "  [" + std::string(full, '#') + std::string(cells - full, '-') + "]";
}

}   // namespace

Progress::Progress(const ProgressFacts& facts) : facts_(facts), terminal_(facts.live && isatty(STDERR_FILENO) == 1) {
    facts_.logging_steps = std::max<int64_t>(1, facts.logging_steps);
}

Progress::~Progress() {
    if (line_open_) std::fputs("\n", stderr);
}

void Progress::step(const StepRecord& record) {
    constexpr auto kRedraw = std::chrono::milliseconds(40);
    constexpr double kKept = 0.9;
    StepRecord r = record;
    recent_seconds_ = kKept * recent_seconds_ + r.step_ms / 1000;
    recent_tokens_ = kKept * recent_tokens_ + r.tokens_per_second * r.step_ms / 1000;
    if (recent_seconds_ > 0) r.tokens_per_second = recent_tokens_ / recent_seconds_;
    const auto now = Clock::now();
    const auto done = static_cast<double>(std::max<int64_t>(1, r.step - facts_.first));
    const double left =
        std::chrono::duration<double>(now - start_).count() / done * static_cast<double>(facts_.total_steps - r.step);
    const bool stays =
        r.step % facts_.logging_steps == 0 || r.step == facts_.total_steps || r.step == facts_.first + 1 || r.eval_loss;
    if (!terminal_) {
        constexpr size_t kEverything = 400;
        if (stays) say(stderr, "{}\n", progress_line(r, facts_, left, kEverything));
        return;
    }
    if (!stays && now - drawn_ < kRedraw) return;
    drawn_ = now;
    const size_t columns = terminal_columns() - 1;   // the cursor has the last one
    const std::string line = progress_line(r, facts_, left, columns);
    say(stderr, "\r{}\x1b[K{}", stays ? line : with_bar(line, r, facts_.total_steps, columns), stays ? "\n" : "");
    std::fflush(stderr);
    line_open_ = !stays;
}

}   // namespace llmft
