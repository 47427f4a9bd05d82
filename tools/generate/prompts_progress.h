// Many prompts on their way: done, total and rate, on one line of a terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace llmft {

class PromptsProgress {
public:
    explicit PromptsProgress(size_t prompts);
    void token();   // one more, of any prompt
    void end();     // one more prompt is answered

private:
    void show() const;

    size_t prompts_;
    bool shown_;
    size_t done_ = 0;
    int64_t tokens_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}   // namespace llmft
