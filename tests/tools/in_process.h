// The program's commands inside the test's own process, through the function that main() calls.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tests/harness/allocations.h"
#include "tests/tools/process.h"

namespace llmft::test {

// Exit code, stdout and stderr of llmft with these arguments.
class InProcess {
public:
    InProcess();
    InProcess(const InProcess&) = delete;
    InProcess& operator=(const InProcess&) = delete;
    ~InProcess();

    Ended run(const std::vector<std::string>& arguments);
    // The same in a child of this process that two threads work for, with its n-th allocation failing. What a child
    // holds at its end beyond what it began with is `kept_bytes`; it counts where the test counts allocations.
    Ended run_failing(const std::vector<std::string>& arguments, int64_t n, Failing failing);
    int64_t kept_bytes() const { return *kept_; }

private:
    void begin();
    Ended end(int code, int signal);

    std::FILE *out_, *err_;
    int64_t* kept_;   // shared with children
    int old_out_ = -1, old_err_ = -1;
};

}   // namespace llmft::test
