// The folder that a run writes into.
#pragma once

#include <filesystem>
#include <string>

#include "engine/io/model_source.h"

namespace llmft {

enum class ResultKind : uint8_t { kAdapter, kModel };

// Before anything is computed: it must not be the model's folder nor hold the other kind of result (a reader would take
// both together), and must be creatable and writable. Writes nothing.
void expect_output_folder(const std::filesystem::path& folder, const std::filesystem::path& model, ResultKind kind);
// A folder that is there whole or not at all: filled under a temporary name beside it and renamed by commit(); without
// commit() nothing remains, the parents that were made for it included.
class StagedFolder {
public:
    // Throws UserError PATH that names the flag where the target exists and is not an empty folder, or cannot be made.
    StagedFolder(const std::filesystem::path& target, const char* flag);
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;
    ~StagedFolder();

    const std::filesystem::path& path() const { return staging_; }
    void commit();

private:
    std::filesystem::path target_, staging_, made_parent_;
    bool committed_ = false;
};

// Makes the folder and run.toml in it; if that fails, a folder that was new is gone again.
void create_output_folder(const std::filesystem::path& folder, const std::string& run_file);
// The files beside the weights that a server or a tokenizer needs (transformers: save_pretrained of a tokenizer; and
// generation_config.json), as the model has them. One that it cannot give is warned of: the weights are there by then.
void copy_tokenizer_files(const ModelSource& model, const std::filesystem::path& folder);

}   // namespace llmft
