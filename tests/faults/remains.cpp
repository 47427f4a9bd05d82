#include "tests/faults/remains.h"

#include <algorithm>
#include <optional>

#include "engine/train/checkpoint_folder.h"
#include "engine/train/training_state.h"
#include "kernels/base/error.h"

namespace llmft::test {

namespace fs = std::filesystem;

std::vector<Json> without_times(std::vector<Json> lines) {
    for (Json& line : lines) {
        line.erase("step_ms");
        line.erase("tokens_per_second");
    }
    return lines;
}

Remains remains_of(const Path& output) {
    Remains r;
    const fs::path adapter = output / "adapter_model.safetensors";
    r.result = bytes_of(fs::exists(adapter) ? adapter : output / "model.safetensors");
    const std::vector<int64_t> steps = checkpoint_steps(output);
    for (const int64_t step : steps) {
        try {
            open_checkpoint(checkpoint_path(output, step), ManifestCheck::kContents);
        } catch (const Error& error) {
            r.damaged.push_back(error.what());
        }
    }
    if (!steps.empty()) r.state = bytes_of(checkpoint_path(output, steps.back()) / kTrainingStateName);
    r.metrics = without_times(Scene::lines(output / "metrics.jsonl"));
    for (const auto& entry : fs::recursive_directory_iterator(output))
        r.names.push_back(entry.path().lexically_relative(output));
    std::sort(r.names.begin(), r.names.end());
    return r;
}

int64_t committed_step(const std::vector<FileCall>& calls, size_t count) {
    int64_t committed = 0, renamed = 0;
    std::string output;
    for (size_t i = 0; i < std::min(count, calls.size()); ++i) {
        const FileCall& c = calls[i];
        if (c.result < 0) continue;
        const size_t name = c.other.rfind("/checkpoint-");
        if (c.call == Call::kRename && name != std::string::npos && c.path.find("/.tmp-") != std::string::npos) {
            renamed = std::stoll(c.other.substr(name + std::string("/checkpoint-").size()));
            output = c.other.substr(0, name);
        }
        // Synced; or the run went on, as if it had been.
        const bool next_step = c.call == Call::kWrite && c.path == output + "/metrics.jsonl";
        const bool rotation = c.call == Call::kRename && c.other.starts_with(output + "/.trash-");
        if ((c.call == Call::kSync && c.path == output) || next_step || rotation) committed = renamed;
    }
    return committed;
}

}   // namespace llmft::test
