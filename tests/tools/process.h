// The real program as a child process: arguments, environment, signals, what it wrote and how it ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/temp_folder.h"

namespace llmft::test {

struct Launch {
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment = {};   // over this process's own
    std::string input = {};                                              // stdin
    enum class Err : uint8_t { kFile, kBrokenPipe } err = Err::kFile;    // broken: nobody reads it
};

struct Ended {
    int code = -1;     // exit code, or -1 if a signal ended it
    int signal = 0;    // that signal, or 0
    std::string out;   // stdout
    std::string err;   // stderr
};

class Process {
public:
    explicit Process(const Launch& launch);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();   // kills it if it still runs

    void send(int signal) const;
    pid_t pid() const { return pid_; }
    bool running();
    // A child that takes minutes hangs: it is killed, and its signal is SIGKILL.
    Ended wait();

private:
    bool ended(int flags);

    TempFolder streams_;
    pid_t pid_ = -1;
    int status_ = 0;
    bool over_ = false;
};

// llmft with these arguments, from start to end.
Ended run_llmft(const std::vector<std::string>& arguments,
                const std::vector<std::pair<std::string, std::string>>& environment = {});

}   // namespace llmft::test
