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
// Makes the folder and run.toml in it; if that fails, a folder that was new is gone again.
void create_output_folder(const std::filesystem::path& folder, const std::string& run_file);
// The files beside the weights that a server or a tokenizer needs (transformers: save_pretrained of a tokenizer; and
// generation_config.json), as the model has them.
void copy_tokenizer_files(const ModelSource& model, const std::filesystem::path& folder);

}   // namespace llmft
