// The folder that a run writes into.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/model_source.h"
#include "engine/train/checkpoint_folder.h"

namespace llmft {

enum class ResultKind : uint8_t { kAdapter, kModel };

// What a run reads, and must not write over.
struct RunInputs {
    std::filesystem::path model, adapter;   // no adapter: empty
    std::vector<std::string> rows;          // files
};
// Before anything is computed: it must not be a folder of the inputs nor hold the other kind of result (a reader would
// take both together), none of its files to be must be an input, and it must be creatable and writable. Writes nothing.
void expect_output_folder(const std::filesystem::path& folder, const RunInputs& inputs, ResultKind kind);
// Of a model: what a tokenizer or a server reads beside weights and config.json.
std::span<const std::string_view> tokenizer_files();
// Whether a result, or the run that leaves it, has a file of this name.
bool is_result_file(std::string_view name);
// The files in the folder of a result, an adapter or a model, and of the run that left it, the manifest, which vouches
// for the others, first; nothing where there is none.
std::vector<std::string> result_files(const std::filesystem::path& folder);

// A folder that is there whole or not at all: filled under a temporary name beside it and renamed by commit(); without
// commit() nothing remains, the parents that were made for it included. What a killed run left of the same target goes.
class StagedFolder {
public:
    // Throws UserError PATH that names the flag where the target exists and is not an empty folder, or cannot be made.
    StagedFolder(const std::filesystem::path& target, const char* flag);
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;
    ~StagedFolder();

    const std::filesystem::path& path() const { return staging_; }
    void commit();   // seals it first

private:
    std::filesystem::path target_, staging_, made_parent_;
    std::optional<FolderLock> lock_;
    bool committed_ = false;
};

// A run's output folder, made where it is not there, and this process's until the object's end. Errors: UserError PATH;
// STATE where another process writes to it.
class OutputFolder {
public:
    explicit OutputFolder(const std::filesystem::path& folder);
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;
    ~OutputFolder();   // a folder that was new and is still empty is gone again

private:
    std::filesystem::path folder_;
    bool made_;
    std::optional<FolderLock> lock_;
};

// Writes manifest.json, the hashes of all files that lie in the folder itself: `llmft verify` checks them.
void seal_folder(const std::filesystem::path& folder, std::string_view kind);

// Throws DiskFull where the file system that the folder is or will be on has too little room.
void expect_room_for_output(const std::filesystem::path& folder, int64_t bytes, std::string_view what);
// The files beside the weights that a server or a tokenizer needs (transformers: save_pretrained of a tokenizer; and
// generation_config.json), as the model has them. One that it cannot give is warned of: the weights are there by then.
void copy_tokenizer_files(const ModelSource& model, const std::filesystem::path& folder);

}   // namespace llmft
