#include "tools/output_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "engine/io/file.h"
#include "engine/io/manifest.h"
#include "engine/log/log.h"
#include "engine/log/tensorboard.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

// The nearest ancestor that exists: where the folder would be made.
fs::path existing_part(fs::path folder) {
    while (!folder.empty() && !fs::exists(folder)) folder = folder.parent_path();
    return folder.empty() ? fs::path(".") : folder;
}

[[noreturn]] void refuse_folder(const char* flag, const fs::path& folder, int error_number) {
    if (error_number == ENOSPC || error_number == EDQUOT) fail_writing(folder, "cannot be made", error_number);
    throw UserError("PATH", flag, folder.string(), std::generic_category().message(error_number),
                    "name another folder");
}

// Makes the folder and what leads to it, each name durable; if that fails, none is left. The topmost that was not
// there, or nothing.
fs::path make_folders(const fs::path& folder) {
    fs::path missing = fs::absolute(folder).lexically_normal();
    if (!missing.has_filename()) missing = missing.parent_path();   // "out/"
    std::vector<fs::path> made;
    std::error_code error;
    for (; !fs::exists(missing, error) && missing.has_filename(); missing = missing.parent_path())
        made.push_back(missing);
    try {
        fs::create_directories(folder);
        for (const fs::path& one : made) sync_folder(one.parent_path());
    } catch (...) {
        for (const fs::path& one : made) fs::remove(one, error);
        throw;
    }
    return made.empty() ? fs::path() : made.back();
}

constexpr std::string_view kTokenizerFiles[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",     "vocab.json",
    "merges.txt",     "tokenizer.model",       "chat_template.jinja",     "generation_config.json"};
constexpr std::string_view kRunFiles[] = {"adapter_config.json", "config.json",     "model.safetensors.index.json",
                                          "metrics.jsonl",       "run.toml",        "report.html",
                                          kManifestName,         EventWriter::kName};

bool is_weights_file(std::string_view name) {
    return name.ends_with(".safetensors") && (name.starts_with("model") || name.starts_with("adapter_model"));
}

// What killed runs left of the target, half-written: nobody holds it.
void sweep_staged(const fs::path& target) {
    const std::string prefix = fmt::format(".{}.", target.filename().string());
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(target.parent_path(), error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix) || name.find_first_not_of("0123456789", prefix.size()) != std::string::npos)
            continue;
        try {
            const FolderLock unheld(entry.path());
            fs::remove_all(entry.path(), error);
            log::note(fmt::format("{} was left by a killed run and is removed", entry.path().string()));
        } catch (const UserError&) {   // another llmft writes it
        }
    }
}

}   // namespace

void expect_output_folder(const fs::path& folder, const RunInputs& inputs, ResultKind kind) {
    constexpr const char* kFlag = "--output-dir";
    std::error_code ignored;
    const auto refuse_input = [&](const char* what) {
        throw UserError("PATH", kFlag, folder.string(), what, "name another folder");
    };
    if (fs::equivalent(folder, inputs.model, ignored)) refuse_input("it is the model's folder");
    if (fs::equivalent(folder, inputs.adapter, ignored)) refuse_input("it is the folder of the adapter to begin with");
    for (const std::string& rows : inputs.rows)
        if (is_result_file(fs::path(rows).filename().native()) &&
            fs::equivalent(fs::absolute(rows).parent_path(), folder, ignored))
            refuse_input("the run would write over its own rows there");
    const char* other = kind == ResultKind::kModel ? "adapter_config.json" : "config.json";
    if (fs::exists(folder / other, ignored))
        throw UserError("PATH", kFlag, folder.string(), std::string("it holds another kind of result: ") + other,
                        "name another folder");
    if (const auto file = file_in_a_checkpoints_place(folder))
        throw UserError("PATH", kFlag, file->string(), "it is a file where a checkpoint would be saved",
                        "move it, or name another folder");
    if (fs::is_symlink(folder, ignored) && !fs::exists(folder, ignored))
        throw UserError("PATH", kFlag, folder.string(), "it is a link to nothing", "mend the link or name a folder");
    const fs::path existing = existing_part(fs::absolute(folder));
    if (!fs::is_directory(existing))
        throw UserError("PATH", kFlag, folder.string(), existing.string() + " is not a folder", "name another folder");
    if (access(existing.c_str(), W_OK | X_OK) != 0)
        throw UserError("PATH", kFlag, folder.string(), existing.string() + " cannot be written",
                        "name another folder or change its permissions");
}

std::span<const std::string_view> tokenizer_files() {
    return kTokenizerFiles;
}

bool is_result_file(std::string_view name) {
    const auto among = [name](const auto& names) {
        return std::find(std::begin(names), std::end(names), name) != std::end(names);
    };
    return is_weights_file(name) || among(kRunFiles) || among(kTokenizerFiles);
}

std::vector<std::string> result_files(const fs::path& folder) {
    std::vector<std::string> files;
    bool weights = false;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        if (!entry.is_regular_file(error) || !is_result_file(name)) continue;
        files.push_back(name);
        weights = weights || is_weights_file(name);
    }
    if (!weights) files.clear();
    std::sort(files.begin(), files.end(), [](const std::string& a, const std::string& b) {
        return std::pair(a != kManifestName, a) < std::pair(b != kManifestName, b);
    });
    return files;
}

StagedFolder::StagedFolder(const fs::path& target, const char* flag) : target_(fs::absolute(target)) {
    const auto refuse = [&](const std::string& what) {
        throw UserError("PATH", flag, target.string(), what, "name another folder");
    };
    target_ = target_.lexically_normal();
    if (!target_.has_filename()) target_ = target_.parent_path();   // "out/"
    std::error_code error;
    const bool there = fs::exists(fs::symlink_status(target_, error));
    if (there && !fs::is_directory(target_, error)) refuse("it is not a folder");
    if (there && !fs::is_empty(target_, error)) refuse("it is not empty");
    const fs::path parent = target_.parent_path();
    try {
        made_parent_ = make_folders(parent);
        sweep_staged(target_);
        staging_ = parent / fmt::format(".{}.{}", target_.filename().string(), getpid());
        fs::create_directory(staging_);
        lock_.emplace(staging_);
    } catch (const fs::filesystem_error& failed) {
        if (!made_parent_.empty()) fs::remove_all(made_parent_, error);
        refuse_folder(flag, target, failed.code().value());
    }
}

StagedFolder::~StagedFolder() {
    if (committed_) return;
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
    if (!made_parent_.empty()) fs::remove_all(made_parent_, ignored);
}

void StagedFolder::commit() {
    seal_folder(staging_, "result");
    sync_folder(staging_);
    if (std::rename(staging_.c_str(), target_.c_str()) != 0) fail_writing(target_, "rename", errno);
    committed_ = true;
    sync_folder(target_.parent_path());
}

OutputFolder::OutputFolder(const fs::path& folder) : folder_(folder) {
    try {
        made_ = !make_folders(folder).empty();
    } catch (const fs::filesystem_error& failed) {
        refuse_folder("--output-dir", folder, failed.code().value());
    }
    try {
        lock_.emplace(folder);
    } catch (...) {
        std::error_code ignored;
        if (made_) fs::remove(folder_, ignored);
        throw;
    }
}

OutputFolder::~OutputFolder() {
    std::error_code ignored;
    if (made_) fs::remove(folder_, ignored);   // does nothing to a folder that holds something
}

void seal_folder(const fs::path& folder, std::string_view kind) {
    write_manifest(folder, make_manifest(folder, {{"kind", kind}}));
}

void expect_room_for_output(const fs::path& folder, int64_t bytes, std::string_view what) {
    expect_room(existing_part(fs::absolute(folder)), bytes, what);
}

void copy_tokenizer_files(const ModelSource& model, const fs::path& folder) {
    constexpr int64_t kMostBytes = int64_t{256} << 20;
    for (const std::string_view name : kTokenizerFiles)
        if (model.has(name)) {
            std::string text;
            try {
                text = model.text(name, kMostBytes);
            } catch (const UserError& e) {
                log::warn(fmt::format("{} is not written: {}", name, e.what()));
                continue;
            }
            write_file(folder / name, text);
        }
}

}   // namespace llmft
