#include "engine/log/progress.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <vector>

#include "engine/io/file.h"
#include "engine/log/columns.h"
#include "tests/harness/skip.h"
#include "tests/harness/temp_folder.h"

namespace llmft {
namespace {

// stderr goes to `to` until the end of the scope.
class Redirected {
public:
    explicit Redirected(int to) : before_(dup(STDERR_FILENO)) {
        std::fflush(stderr);
        dup2(to, STDERR_FILENO);
    }
    ~Redirected() {
        std::fflush(stderr);
        dup2(before_.get(), STDERR_FILENO);
    }

private:
    Descriptor before_;
};

void run_steps(int64_t steps, int64_t logging_steps) {
    Progress progress({.total_steps = steps, .logging_steps = logging_steps});
    for (int64_t step = 1; step <= steps; ++step) {
        StepRecord record;
        record.step = step;
        record.loss = 2.5;
        record.tokens_per_second = 1e6;
        if (step == 4) std::this_thread::sleep_for(std::chrono::milliseconds(50));   // till the line is redrawn
        progress.step(record);
    }
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, at);) parts.push_back(part);
    return parts;
}

// Not in a bare chroot, where nobody mounted /dev/pts.
bool has_terminals() {
    return static_cast<bool>(Descriptor(posix_openpt(O_RDWR | O_NOCTTY)));
}

std::string on_terminal(uint16_t columns, int64_t steps) {
    const Descriptor terminal(posix_openpt(O_RDWR | O_NOCTTY));
    REQUIRE(terminal);
    REQUIRE(grantpt(terminal.get()) == 0);
    REQUIRE(unlockpt(terminal.get()) == 0);
    {
        const Descriptor screen(open(ptsname(terminal.get()), O_RDWR | O_NOCTTY));
        REQUIRE(screen);
        const winsize size = {.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        REQUIRE(ioctl(screen.get(), TIOCSWINSZ, &size) == 0);
        const Redirected to(screen.get());
        run_steps(steps, 10);
    }
    std::string seen;
    char piece[4096];
    // The screen is closed: after the last byte, read fails with EIO.
    for (ssize_t got = 0; (got = read(terminal.get(), piece, sizeof piece)) > 0;)
        seen.append(piece, static_cast<size_t>(got));
    return seen;
}

TEST_CASE("progress into a file is plain lines: the first step, every logging step, the last") {
    const test::TempFolder folder;
    const Path path = folder.write("stderr.txt", "");
    {
        const Descriptor file(open(path.c_str(), O_WRONLY));
        const Redirected to(file.get());
        run_steps(25, 10);
    }
    const std::string text = read_file(path, 1 << 20);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    const auto lines = split(text, '\n');
    REQUIRE(lines.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
        const char* wanted[] = {"step 1/25 ", "step 10/25 ", "step 20/25 ", "step 25/25 "};
        CHECK(lines[i].starts_with(wanted[i]));
        CHECK(lines[i].find("loss 2.5000") != std::string::npos);
    }
}

TEST_CASE("progress on a terminal rewrites one line that the window holds, without colour") {
    if (!has_terminals()) return test::skip("no pseudo-terminals here");
    for (const uint16_t columns : {uint16_t{20}, uint16_t{80}, uint16_t{200}}) {
        CAPTURE(columns);
        const std::string seen = on_terminal(columns, 5);
        CHECK(seen.find("\x1b[3") == std::string::npos);
        CHECK(seen.find("\x1b[0m") == std::string::npos);
        int rewritten = 0;
        for (const std::string& part : split(seen, '\r')) {
            const size_t shown = part.find("\x1b[K");
            if (shown == std::string::npos) continue;
            ++rewritten;
            CHECK(shown < columns);
            CHECK(part.starts_with("step "));
        }
        CHECK(rewritten >= 2);   // those that stay; of steps faster than the eye some are not drawn
        CHECK(std::count(seen.begin(), seen.end(), '\n') == 2);   // steps 1 and 5 stay
    }
}

TEST_CASE("the live line of eighty columns holds done, total, rate, time left and loss") {
    if (!has_terminals()) return test::skip("no pseudo-terminals here");
    const std::string seen = on_terminal(80, 5);
    for (const char* part : {"step 5/5", "loss 2.5000", "1000000 tok/s", "0:00 left"})
        CHECK(seen.find(part) != std::string::npos);
}

TEST_CASE("a step's line never passes the window, and what matters most is what stays") {
    StepRecord r;
    r.step = 123456;
    r.loss = 1234.5;
    r.eval_loss = 1.25;
    r.tokens_per_second = 1e7;
    r.grad_norm = 1e-9;
    r.learning_rate = 1.23456e-7;
    const ProgressFacts facts = {.total_steps = 1000000, .limit_tokens_per_second = 2e7};
    for (size_t columns = 1; columns <= 300; ++columns) {
        CAPTURE(columns);
        CHECK(terminal_columns_of(progress_line(r, facts, 1e6, columns)) <= columns);
    }
    const std::string at_80 = progress_line(r, facts, 1e6, 80), at_200 = progress_line(r, facts, 1e6, 200);
    CHECK(at_80 == "step 123456/1000000  loss 1234.5000  eval loss 1.2500  10000000 tok/s");
    CHECK(at_200 == at_80 + "  50 % of limit  277:46:40 left  |g| 1e-09  lr 1.23e-07  epoch 0.00");
    r = {};
    r.step = 12;
    r.loss = 0.25;
    r.tokens_per_second = 5120;
    CHECK(progress_line(r, {.total_steps = 240, .limit_tokens_per_second = 8000}, 95, 80) ==
          "step 12/240  loss 0.2500  5120 tok/s  64 % of limit  1:35 left  |g| 0  lr 0");
    CHECK(progress_line(r, {.total_steps = 240}, 95, 80).find("limit") == std::string::npos);
}

TEST_CASE("a wide window shows a bar of what is done, in the live line only") {
    if (!has_terminals()) return test::skip("no pseudo-terminals here");
    CHECK(on_terminal(80, 5).find("[#") == std::string::npos);
    const std::string seen = on_terminal(200, 5);
    CHECK(seen.find("[" + std::string(48, '#') + std::string(12, '-') + "]") != std::string::npos);
    CHECK(seen.find("[#") == seen.rfind("[#"));
}

TEST_CASE("times are hours, minutes and seconds") {
    CHECK(clock_text(0) == "0:00");
    CHECK(clock_text(59.6) == "1:00");
    CHECK(clock_text(123) == "2:03");
    CHECK(clock_text(3723) == "1:02:03");
}

}   // namespace
TEST_CASE("a loss is printed in figures that can be read, however large, and NaN without a sign") {
    CHECK(loss_figure(1.23456) == "1.2346");
    CHECK(loss_figure(1.09165076e41) == "1.092e+41");
    CHECK(loss_figure(std::nan("")) == "NaN");
    CHECK(loss_figure(-std::nan("")) == "NaN");
    CHECK(loss_figure(HUGE_VAL) == "infinite");
    StepRecord record;
    record.loss = record.grad_norm = -std::nan("");
    const std::string line = progress_line(record, {.total_steps = 9}, 0, 200);
    CHECK(line.find("loss NaN") != std::string::npos);
    CHECK(line.find("|g| NaN") != std::string::npos);
}

}   // namespace llmft
