// The checkpoints of a run: folders checkpoint-N in its output folder, N the steps taken. One is filled under a
// temporary name, its manifest written last, everything synced, and renamed: the rename is the commit, and there is no
// other record of which is newest. So at any moment, also after a kill or a power cut, each checkpoint-N is whole, or
// was damaged later and its hashes say so.
//
//   checkpoint-N/            committed
//   .tmp-checkpoint-N-PID/   being written, or left by a kill: swept away by the next run
//   .trash-checkpoint-N/     being removed
//   .tmp-NAME-PID-COUNT      a file of the result that was being written (engine/io/file.h)
//   before-K/                set aside when a run went on from an earlier step or began anew: checkpoints, and maybe
//                            the result, of its earlier course or of another run
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/io/manifest.h"

namespace llmft {

struct Checkpoint {
    int64_t step = 0;
    Path path;
    Manifest manifest;
};

// The steps of all checkpoint-N in the folder, ascending, whole or not; nothing where the folder is not there.
std::vector<int64_t> checkpoint_steps(const Path& output);
// What has the name of a checkpoint in the folder and is none: no checkpoint of that step could be saved.
std::optional<Path> file_in_a_checkpoints_place(const Path& output);
Path checkpoint_path(const Path& output, int64_t step);

// A checkpoint whose hashes hold. Errors: those of read_manifest and expect_files; UserError SCHEMA where the folder
// holds something else; MISSING where it is not there.
Checkpoint open_checkpoint(const Path& folder, ManifestCheck check);

// The newest checkpoint that open_checkpoint takes with all its hashes; each newer one that is passed over is a line in
// `skipped`. Of a newer format it is not passed over but refused: the older ones would be a loss.
std::optional<Checkpoint> newest_checkpoint(const Path& output, std::vector<std::string>& skipped);

// What a killed run left half-written or half-removed goes; a line for each. `is_own` knows the names of the files that
// a run writes: whatever else lies in the folder is the user's, and stays.
std::vector<std::string> sweep_leftovers(const Path& output, const std::function<bool(std::string_view name)>& is_own);
// Moves the checkpoints of steps beyond `step`, and then `files`, one after the other, out of the way, into before-K.
// Each is durable there before the next one goes.
struct SetAside {
    Path folder;
    std::vector<std::string> names;   // of what was moved there; none: nothing was, and there is no folder
};
SetAside set_aside(const Path& output, int64_t step, const std::vector<std::string>& files);

// A checkpoint being written. Fill folder(), then commit; without commit() nothing remains.
class CheckpointWriter {
public:
    CheckpointWriter(const Path& output, int64_t step);
    CheckpointWriter(const CheckpointWriter&) = delete;
    CheckpointWriter& operator=(const CheckpointWriter&) = delete;
    ~CheckpointWriter();

    const Path& folder() const { return staging_; }
    // Manifest, syncs, rename; then the manifest is read again under its final name. The bytes of the checkpoint.
    int64_t commit(Json facts);

private:
    Path output_, target_, staging_;
};

// Removes the oldest checkpoints beyond `keep`, but never `best` nor the newest. Afterwards at most max(keep, 1) are
// there, one more where `best` would have gone.
void rotate_checkpoints(const Path& output, int64_t keep, std::optional<int64_t> best);

// The folder is this process's until the object's end: UserError STATE where another process has it.
class FolderLock {
public:
    explicit FolderLock(const Path& folder);

private:
    Descriptor folder_;
};

// Throws DiskFull unless the file system of `folder` has room for `bytes`; `what` is what needs them.
void expect_room(const Path& folder, int64_t bytes, std::string_view what);

}   // namespace llmft
