// What a person sees of long work, on stderr: on a terminal one live line, rewritten in place and never wider than the
// window; into a file, plain lines at intervals of steps.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/train/trainer.h"

namespace llmft {

class Progress {
public:
    // logging_steps: steps between lines that stay. first: steps that were done before this process.
    Progress(int64_t total_steps, int64_t logging_steps, int64_t first = 0);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void step(const StepRecord& record);

private:
    void live(const std::string& line);

    int64_t total_steps_;
    int64_t logging_steps_;
    int64_t first_;
    bool terminal_;
    bool line_open_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// "1:02:03", "2:03".
std::string clock_text(double seconds);

}   // namespace llmft
