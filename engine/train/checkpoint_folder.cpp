#include "engine/train/checkpoint_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "engine/io/json_field.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "checkpoint-";
constexpr std::string_view kTemporary = ".tmp-";
constexpr std::string_view kTrash = ".trash-";

std::optional<int64_t> step_of(std::string_view name) {
    if (!name.starts_with(kName)) return std::nullopt;
    name.remove_prefix(kName.size());
    int64_t step = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
    const bool whole =
        error == std::errc() && end == name.data() + name.size() && step >= 0 && std::to_string(step) == name;
    return whole ? std::optional(step) : std::nullopt;
}

void give_name(const Path& from, const Path& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) fail_writing(to, "cannot be given its name", errno);
}

void remove_folder(const Path& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (error) fail_writing(folder, "cannot be removed", error.value());
}

// Nothing where the folder is not there. One that cannot be listed is not empty: a run must not begin anew for that.
fs::directory_iterator listed(const Path& output) {
    std::error_code error;
    fs::directory_iterator entries(output, error);
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
        fail_writing(output, "cannot be listed", error.value());
    return entries;
}

// A whole number behind the last dash is taken off, with the dash; false where there is none.
bool take_number(std::string_view& name) {
    const size_t dash = name.rfind('-');
    if (dash == std::string_view::npos || dash + 1 == name.size() ||
        name.find_first_not_of("0123456789", dash + 1) != std::string_view::npos)
        return false;
    name = name.substr(0, dash);
    return true;
}

bool is_leftover(const fs::directory_entry& entry, const std::function<bool(std::string_view)>& is_own) {
    const std::string whole = entry.path().filename();
    std::string_view name = whole;
    if (!name.starts_with(kTrash) && !name.starts_with(kTemporary)) return false;
    std::error_code error;
    const fs::file_type type = entry.symlink_status(error).type();
    if (type == fs::file_type::none) fail_writing(entry.path(), "cannot be examined", error.value());
    if (name.starts_with(kTrash)) return type == fs::file_type::directory && step_of(name.substr(kTrash.size()));
    name.remove_prefix(kTemporary.size());
    if (!take_number(name)) return false;
    if (type == fs::file_type::directory) return step_of(name).has_value();
    return type == fs::file_type::regular && take_number(name) && is_own(name);
}

// Out of sight first: a folder that is half removed must not look like a checkpoint.
void discard(const Path& output, int64_t step) {
    const Path from = checkpoint_path(output, step), trash = output / fmt::format("{}{}{}", kTrash, kName, step);
    remove_folder(trash);
    give_name(from, trash);
    sync_folder(output);
    remove_folder(trash);
}

}   // namespace

std::vector<int64_t> checkpoint_steps(const Path& output) {
    std::vector<int64_t> steps;
    std::error_code error;
    for (const auto& entry : listed(output))
        if (const auto step = step_of(entry.path().filename().native()); step && entry.is_directory(error))
            steps.push_back(*step);
    std::sort(steps.begin(), steps.end());
    return steps;
}

std::optional<Path> file_in_a_checkpoints_place(const Path& output) {
    std::error_code error;
    for (const auto& entry : listed(output))
        if (step_of(entry.path().filename().native()) && !entry.is_directory(error)) return entry.path();
    return std::nullopt;
}

Path checkpoint_path(const Path& output, int64_t step) {
    return output / fmt::format("{}{}", kName, step);
}

Checkpoint open_checkpoint(const Path& folder, ManifestCheck check) {
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw UserError("MISSING", folder.string(), "", "is no folder", "give the path of a checkpoint-N folder");
    if (!step_of(folder.filename().native()) && !fs::exists(folder / kManifestName, error))
        throw UserError("MISSING", folder.string(), "", "is no checkpoint: it has no manifest.json",
                        "give the path of a checkpoint-N folder");
    Manifest manifest = read_manifest(folder);
    const std::string where = (folder / kManifestName).string();
    const JsonField facts(manifest.facts, where, "facts");
    if (facts.text_or("kind", "") != "checkpoint")
        throw UserError("SCHEMA", where, "facts.kind", "is not \"checkpoint\"",
                        "give the path of a checkpoint-N folder");
    const int64_t step = facts.at("step").integer(0, INT64_MAX - 1);
    expect_files(folder, manifest, check);
    return {.step = step, .path = folder, .manifest = std::move(manifest)};
}

std::optional<Checkpoint> newest_checkpoint(const Path& output, std::vector<std::string>& skipped) {
    const std::vector<int64_t> steps = checkpoint_steps(output);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        try {
            return open_checkpoint(checkpoint_path(output, *step), ManifestCheck::kContents);
        } catch (const UserError& error) {
            if (error.kind() == "VERSION") throw;
            skipped.push_back(fmt::format("{}{} is skipped: {}", kName, *step, error.what()));
        }
    }
    return std::nullopt;
}

std::vector<std::string> sweep_leftovers(const Path& output, const std::function<bool(std::string_view name)>& is_own) {
    std::vector<Path> found;
    for (const auto& entry : listed(output))
        if (is_leftover(entry, is_own)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    std::vector<std::string> lines;
    for (const Path& path : found) {
        remove_folder(path);
        lines.push_back(fmt::format("{}: left by a run that was killed, removed", path.string()));
    }
    return lines;
}

SetAside set_aside(const Path& output, int64_t step, const std::vector<std::string>& files) {
    std::vector<int64_t> steps = checkpoint_steps(output);
    std::erase_if(steps, [step](int64_t s) { return s <= step; });
    if (steps.empty() && files.empty()) return {};
    Path aside;
    for (int k = 1; aside.empty() || fs::exists(aside); ++k) aside = output / fmt::format("before-{}", k);
    fs::create_directory(aside);
    const auto make_durable = [&] {
        sync_folder(aside);
        sync_folder(output);
    };
    std::vector<std::string> names;
    for (const int64_t s : steps) {
        names.push_back(checkpoint_path(aside, s).filename());
        give_name(checkpoint_path(output, s), checkpoint_path(aside, s));
    }
    make_durable();
    for (const std::string& name : files) {
        names.push_back(name);
        give_name(output / name, aside / name);
        make_durable();
    }
    return {.folder = std::move(aside), .names = std::move(names)};
}

CheckpointWriter::CheckpointWriter(const Path& output, int64_t step)
    : output_(output),
      target_(checkpoint_path(output, step)),
      staging_(output / fmt::format("{}{}{}-{}", kTemporary, kName, step, getpid())) {
    remove_folder(staging_);
    if (mkdir(staging_.c_str(), 0777) != 0) fail_writing(staging_, "cannot be created", errno);
}

CheckpointWriter::~CheckpointWriter() {
    std::error_code ignored;
    if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

int64_t CheckpointWriter::commit(Json facts) {
    const Manifest manifest = make_manifest(staging_, std::move(facts));
    write_manifest(staging_, manifest);
    sync_folder(staging_);
    give_name(staging_, target_);
    staging_.clear();
    sync_folder(output_);
    open_checkpoint(target_, ManifestCheck::kSizes);
    return manifest.bytes();
}

void rotate_checkpoints(const Path& output, int64_t keep, std::optional<int64_t> best) {
    const std::vector<int64_t> steps = checkpoint_steps(output);
    auto left = static_cast<int64_t>(steps.size());
    for (const int64_t step : steps) {
        if (left <= std::max<int64_t>(keep, 1) || step == steps.back()) return;
        if (step == best) continue;
        discard(output, step);
        --left;
    }
}

FolderLock::FolderLock(const Path& folder) : folder_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder_) fail_writing(folder, "cannot be opened", errno);
    if (flock(folder_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EWOULDBLOCK)
        throw UserError("STATE", folder.string(), "", "another llmft is writing to it",
                        "wait for it to end, or name another --output-dir");
    // A file system without locks (some network ones): the user has to take care.
}

void expect_room(const Path& folder, int64_t bytes, std::string_view what) {
    struct statvfs status = {};
    if (statvfs(folder.c_str(), &status) != 0 || status.f_blocks == 0) return;   // /proc and others count none
    const auto free = static_cast<int64_t>(status.f_bavail) * static_cast<int64_t>(status.f_frsize);
    if (free < bytes)
        throw DiskFull(fmt::format("{}: {} needs {} bytes, {} are free; free space or choose another folder",
                                   folder.string(), what, bytes, free));
}

}   // namespace llmft
