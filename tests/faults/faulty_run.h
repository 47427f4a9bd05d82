// llmft with the fault library in front of it.
#pragma once

#include "tests/faults/call_log.h"
#include "tests/harness/sanitizers.h"
#include "tests/harness/temp_folder.h"
#include "tests/tools/e2e_scene.h"

namespace llmft::test {

// A run under a sanitizer takes ten times as long: there the quick tests make each tenth of theirs.
constexpr int kRunsLeftOut = kSanitized ? 10 : 1;

// Which call is to go wrong and how: see tests/faults/preload/watch.h. No act: only the log is written.
struct Fault {
    std::string kind = "any";
    size_t number = 0;
    std::string act = {};
};

struct FaultyRun {
    Ended ended;
    std::vector<FileCall> calls;   // on files in the watched folder

    // The call that the fault struck, or null where there were not so many.
    const FileCall* struck() const;
};

// What Launch::environment needs; `log` is written anew by the program.
std::vector<std::pair<std::string, std::string>> fault_environment(const Path& watched, const Path& log,
                                                                   const Fault& fault);
FaultyRun run_with_fault(const std::vector<std::string>& arguments, const Path& watched, const Fault& fault = {});

// Whether this build lets a library be put in front of it, and the library sees its calls. Else a test is to be
// skipped.
bool faults_work();

}   // namespace llmft::test
