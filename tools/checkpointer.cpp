#include "tools/checkpointer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/log/log.h"
#include "kernels/base/error.h"
#include "tools/output_folder.h"

namespace llmft {
namespace {

constexpr const char* kMetricsName = "metrics.jsonl";

// The loop's records before its step; a step that waits for its evaluation has no line yet.
int64_t lines_of(const LoopState& loop) {
    return loop.step - (loop.pending ? 1 : 0);
}

ResumePoint resume_point(Checkpoint checkpoint) {
    RunState state = read_run_state(checkpoint.path);
    if (state.loop.step != checkpoint.step || state.loop.skipped > state.loop.step)
        throw UserError("STATE", (checkpoint.path / kRunStateName).string(), "global_step",
                        fmt::format("is {}, the manifest's is {}", state.loop.step, checkpoint.step),
                        "use another checkpoint");
    const Path metrics = checkpoint.path.parent_path() / kMetricsName;
    auto records = read_metrics(metrics, state.metrics_bytes, lines_of(state.loop));
    if (!records)
        log::note(fmt::format("{}: does not hold the steps before the checkpoint; a new one begins with the next step",
                              metrics.string()));
    return {.checkpoint = std::move(checkpoint),
            .state = std::move(state),
            .records = std::move(records).value_or(std::vector<StepRecord>())};
}

// Whether the metrics of the folder that the run begins from hold the steps before it.
bool has_metrics(const ResumePoint& from) {
    return !from.records.empty() || from.state.metrics_bytes == 0;
}

bool is_empty_or_absent(const Path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error || size == 0;
}

void note_set_aside(const SetAside& aside) {
    constexpr size_t kListed = 4;
    if (aside.names.empty()) return;
    const size_t listed = std::min(kListed, aside.names.size()), others = aside.names.size() - listed;
    log::note(fmt::format("{}{} {} moved to {}",
                          fmt::join(aside.names.begin(), aside.names.begin() + static_cast<ptrdiff_t>(listed), ", "),
                          others > 0 ? fmt::format(" and {} more", others) : "",
                          aside.names.size() > 1 ? "were" : "was", aside.folder.string()));
}

// metrics.jsonl of another folder's run, up to the checkpoint.
void take_metrics_over(const Path& output, const ResumePoint& from) {
    const Path source = from.checkpoint.path.parent_path() / kMetricsName, target = output / kMetricsName;
    std::error_code ignored;
    if (std::filesystem::equivalent(source, target, ignored)) return;
    write_file(target,
               std::string_view(read_file(source, INT64_MAX)).substr(0, static_cast<size_t>(from.state.metrics_bytes)));
}

}   // namespace

std::optional<ResumePoint> find_resume_point(const Path& output, const std::string& resume) {
    if (resume == "never") return std::nullopt;
    if (resume != "auto") {
        if (resume.find('/') == std::string::npos && !std::filesystem::exists(resume))
            throw UserError("VALUE", "--resume", resume, "is neither auto nor never nor a folder that is there",
                            "give auto, never or the path of a checkpoint-N folder");
        const Path folder = Path(resume).has_filename() ? Path(resume) : Path(resume).parent_path();
        return resume_point(open_checkpoint(folder, ManifestCheck::kContents));
    }
    std::vector<std::string> skipped;
    auto newest = newest_checkpoint(output, skipped);
    for (const std::string& line : skipped) log::warn(line);
    if (!newest) return std::nullopt;
    return resume_point(std::move(*newest));
}

MetricsWriter prepare_output(const Path& output, const std::optional<ResumePoint>& from, std::string_view run_file,
                             RunFile mode) {
    for (const std::string& line : sweep_leftovers(output, is_result_file)) log::note(line);
    const Path resumed = from ? from->checkpoint.path : Path();
    const bool inside = from && std::filesystem::equivalent(resumed.parent_path(), output);
    auto files = from ? std::vector<std::string>() : result_files(output);
    if (from && !(inside && has_metrics(*from)) && !is_empty_or_absent(output / kMetricsName))
        files.emplace_back(kMetricsName);
    note_set_aside(set_aside(output, inside ? from->checkpoint.step : -1, files));
    if (std::filesystem::remove(output / kManifestName)) sync_folder(output);   // of a result that changes now
    const Path settings = output / "run.toml";
    if (mode == RunFile::kWrite || !std::filesystem::exists(settings))
        write_file(settings, run_file);
    else if (read_file(settings, INT64_MAX) != run_file)
        log::note(fmt::format("{} stays as it is: no step is left to take with other settings", settings.string()));
    const bool continued = from && !from->records.empty();
    if (continued) take_metrics_over(output, *from);
    MetricsWriter metrics(output / kMetricsName, continued ? from->state.metrics_bytes : 0);
    sync_folder(output);   // no checkpoint comes onto the disk before the name metrics.jsonl
    return metrics;
}

int64_t checkpoint_bytes(const TrainedState& trained) {
    return training_state_bytes(trained) + trained.parameters.count() * size_bytes(DType::kF32);
}

Checkpointer::Checkpointer(CheckpointParts parts, const std::optional<ResumePoint>& from, Run& run)
    : parts_(std::move(parts)), run_(run), bytes_(checkpoint_bytes(parts_.trained)) {
    if (from) newest_ = from->checkpoint.step;
}

void Checkpointer::save(RunState& state, Older older) {
    const int64_t step = state.loop.step;
    const bool there = newest_ == step && std::filesystem::is_directory(checkpoint_path(parts_.output, step));
    try {
        if (!there) write(state);
    } catch (const DiskFull& error) {
        if (!newest_) throw;
        throw DiskFull(fmt::format("{}; checkpoint-{} is good", error.what(), *newest_));
    }
    newest_ = step;
    if (older == Older::kRotate) rotate(state);
}

void Checkpointer::write(RunState& state) {
    const int64_t step = state.loop.step;
    expect_room(parts_.output, bytes_, fmt::format("checkpoint-{}", step));
    state.metrics_bytes = parts_.metrics.sync();
    CheckpointWriter writer(parts_.output, step);
    parts_.save_result(writer.folder());
    write_training_state(writer.folder(), parts_.trained, run_);
    write_run_state(writer.folder(), state);
    bytes_ = writer.commit(parts_.identity.facts(step));
}

void Checkpointer::rotate(const RunState& state) const {
    if (parts_.options.save_total_limit > 0)
        rotate_checkpoints(parts_.output, parts_.options.save_total_limit, state.best_saved.step);
}

std::optional<Path> Checkpointer::before(int64_t step) const {
    std::optional<Path> found;
    for (const int64_t s : checkpoint_steps(parts_.output))
        if (s < step) found = checkpoint_path(parts_.output, s);
    return found;
}

std::optional<int64_t> Checkpointer::load_best(const RunState& state) {
    if (!state.best_saved.step) {
        log::warn("no evaluation was made where a checkpoint was: the last weights are kept, not the best");
        return std::nullopt;
    }
    if (state.best_saved.step == newest_ && state.loop.step == *newest_) return newest_;
    const Path folder = checkpoint_path(parts_.output, *state.best_saved.step);
    read_training_state(open_checkpoint(folder, ManifestCheck::kContents).path, parts_.trained, run_);
    return state.best_saved.step;
}

}   // namespace llmft
