// Ctrl-C while a text is made ends that text, not the program.
#pragma once

namespace llmft {

// While one lives, the first SIGINT only sets a flag; a second one ends the program as usual. At most one at a time.
class InterruptScope {
public:
    InterruptScope();
    ~InterruptScope();
    InterruptScope(const InterruptScope&) = delete;
    InterruptScope& operator=(const InterruptScope&) = delete;

    static bool interrupted();
};

}   // namespace llmft
