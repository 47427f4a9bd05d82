// What a person sees of long work, on stderr: on a terminal one live line, rewritten in place and never wider than the
// window; into a file, plain lines at intervals of steps.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/train/trainer.h"

namespace llmft {

struct ProgressFacts {
    int64_t total_steps = 0;
    int64_t logging_steps = 10;           // steps between lines that stay
    int64_t first = 0;                    // steps that were done before this process
    bool live = true;                     // false: a terminal gets plain lines, too
    double limit_tokens_per_second = 0;   // what this machine's matrix products allow; 0: not known
};

// "step 120/2400  loss 1.2345  5,120 tok/s  71 % of limit  3:20 left  …" in at most `columns` columns: what has no room
// is left out from the end, and where there is much room a bar shows how far it is.
std::string progress_line(const StepRecord& record, const ProgressFacts& facts, double seconds_left, size_t columns);

class Progress {
public:
    explicit Progress(const ProgressFacts& facts);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // The speed it shows is a mean over the last ten steps or so.
    void step(const StepRecord& record);

private:
    using Clock = std::chrono::steady_clock;
    ProgressFacts facts_;
    double recent_tokens_ = 0, recent_seconds_ = 0;   // weighted by how long ago a step was
    bool terminal_;
    bool line_open_ = false;
    Clock::time_point start_ = Clock::now(), drawn_ = {};
};

// A loss as people read it: "1.2346", "1.092e+41", "NaN", "infinite".
std::string loss_figure(double loss);
// "1:02:03", "2:03".
std::string clock_text(double seconds);

}   // namespace llmft
