#include "tests/faults/faulty_run.h"

#include <algorithm>
#include <csignal>
#include <fstream>

namespace llmft::test {
namespace {

// The runtime of a sanitizer has to come first of all libraries; this process has the one that its program has.
std::string sanitizer() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find("/libasan.so") != std::string::npos || line.find("/libtsan.so") != std::string::npos)
            return line.substr(line.find('/')) + ":";
    return "";
}

}   // namespace

const FileCall* FaultyRun::struck() const {
    const auto call = std::find_if(calls.begin(), calls.end(), [](const FileCall& c) { return c.chosen != 0; });
    return call == calls.end() ? nullptr : &*call;
}

std::vector<std::pair<std::string, std::string>> fault_environment(const Path& watched, const Path& log,
                                                                   const Fault& fault) {
    std::string setting = "under=" + watched.string() + ";log=" + log.string();
    if (!fault.act.empty()) setting += ";at=" + fault.kind + ":" + std::to_string(fault.number) + ":" + fault.act;
    return {{"LD_PRELOAD", sanitizer() + LLMFT_FAULT_LIBRARY}, {"LLMFT_FAULTS", setting}};
}

FaultyRun run_with_fault(const std::vector<std::string>& arguments, const Path& watched, const Fault& fault) {
    const TempFolder place;
    const Path log = place.path() / "log";
    FaultyRun run;
    run.ended = run_llmft(arguments, fault_environment(watched, log, fault));
    run.calls = read_call_log(log);
    return run;
}

bool faults_work() {
    static const bool work = [] {
        const Scene scene;
        const FaultyRun run = run_with_fault({"inspect", scene.rows()}, scene.rows(), {.number = 1, .act = "kill"});
        return run.ended.signal == SIGKILL && run.struck() != nullptr;
    }();
    return work;
}

}   // namespace llmft::test
