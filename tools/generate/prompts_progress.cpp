#include "tools/generate/prompts_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "engine/log/say.h"

namespace llmft {

PromptsProgress::PromptsProgress(size_t prompts) : prompts_(prompts), shown_(isatty(STDERR_FILENO) == 1) {}

void PromptsProgress::token() {
    ++tokens_;
    show();
}

void PromptsProgress::end() {
    ++done_;
    show();
}

void PromptsProgress::show() const {
    if (!shown_) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    say(stderr, "\r{}/{} prompts  {:.1f} tok/s\x1b[K{}", done_, prompts_, static_cast<double>(tokens_) / seconds,
        done_ == prompts_ ? "\n" : "");
    std::fflush(stderr);
}

}   // namespace llmft
