// Writes the checkpoints of a run and begins a run from one.
#pragma once

#include <functional>
#include <optional>

#include "engine/log/metrics.h"
#include "engine/train/options.h"
#include "engine/train/run_state.h"
#include "engine/train/training_state.h"
#include "tools/run_identity.h"

namespace llmft {

struct ResumePoint {
    Checkpoint checkpoint;
    RunState state;
    std::vector<StepRecord> records;   // of the steps behind it, as metrics.jsonl has them; may be empty
};

// Where --resume lets a run begin; nothing: anew. Reads only. What is passed over is a note. Errors: as
// open_checkpoint's for a named folder.
std::optional<ResumePoint> find_resume_point(const Path& output, const std::string& resume);

// The output folder, which is this process's by now, before the first step: leftovers of kills swept away; checkpoints
// that do not lead to the resume point, metrics.jsonl where it does not, and the result of another run set aside;
// run.toml, metrics.jsonl up to that point. Under kKeep no step is left, and a run.toml that is there stays: it tells
// how the steps were taken. Notes tell what was done.
enum class RunFile : uint8_t { kWrite, kKeep };
MetricsWriter prepare_output(const Path& output, const std::optional<ResumePoint>& from, std::string_view run_file,
                             RunFile mode);

// What a checkpoint takes on the disk, about.
int64_t checkpoint_bytes(const TrainedState& trained);

struct CheckpointParts {
    const SaveOptions& options;
    Path output;
    const RunIdentity& identity;
    TrainedState trained;
    std::function<void(const Path& folder)> save_result;   // the adapter or the model
    MetricsWriter& metrics;
};

class Checkpointer {
public:
    Checkpointer(CheckpointParts parts, const std::optional<ResumePoint>& from, Run& run);

    // Metrics made durable, checkpoint written and committed, older ones rotated. One of this step that is there
    // already stays as it is: it was written before the step's evaluation, which a request to stop cut short. Errors:
    // DiskFull, which names the newest that is good, UserError PATH; the checkpoints that were there stay.
    enum class Older : uint8_t { kRotate, kStay };
    void save(RunState& state, Older older = Older::kRotate);
    // Removes what --save-total-limit leaves no room for; a kill may have come between a commit and this.
    void rotate(const RunState& state) const;
    // Step of the last one that save() wrote, or that the run began from.
    std::optional<int64_t> newest() const { return newest_; }
    // The last one of the output folder before this step, whole or not.
    std::optional<Path> before(int64_t step) const;
    // The weights of the saved evaluation that was best, instead of the last ones, and its step; a warning and nothing
    // where there is none.
    std::optional<int64_t> load_best(const RunState& state);

private:
    void write(RunState& state);

    CheckpointParts parts_;
    Run& run_;
    int64_t bytes_;
    std::optional<int64_t> newest_;
};

}   // namespace llmft
