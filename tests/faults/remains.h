// What a run of train leaves behind, as far as it has to be the same each time, and whether it is sound.
#pragma once

#include "tests/faults/call_log.h"
#include "tests/tools/e2e_scene.h"

namespace llmft::test {

struct Remains {
    std::string result;                 // adapter_model.safetensors or model.safetensors
    std::string state;                  // of the newest checkpoint
    std::vector<Json> metrics;          // without what a clock decides
    std::vector<std::string> names;     // of all that lies in the output folder
    std::vector<std::string> damaged;   // checkpoints whose hashes do not hold, in the words of the reader

    bool operator==(const Remains&) const = default;
};

std::vector<Json> without_times(std::vector<Json> lines);
Remains remains_of(const Path& output);

// The step of the last checkpoint in the first `count` calls that has to survive everything: it has its name, and that
// was synced or the run went on to something else.
int64_t committed_step(const std::vector<FileCall>& calls, size_t count);

}   // namespace llmft::test
