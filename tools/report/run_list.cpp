#include "tools/report/run_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/io/manifest.h"
#include "engine/log/metrics.h"
#include "engine/log/progress.h"
#include "kernels/base/error.h"
#include "tools/run_file.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMetrics = "metrics.jsonl";
constexpr int kDeepest = 4;   // folders below the named one

void collect(const Path& folder, int depth, std::vector<Path>& found) {
    if (fs::exists(folder / kMetrics)) {
        found.push_back(folder);
        return;
    }
    if (depth == kDeepest) return;
    std::vector<Path> inner;
    for (const auto& entry : fs::directory_iterator(folder, fs::directory_options::skip_permission_denied))
        if (entry.is_directory() && !entry.is_symlink() && !entry.path().filename().native().starts_with('.'))
            inner.push_back(entry.path());
    std::sort(inner.begin(), inner.end());
    for (const Path& one : inner) collect(one, depth + 1, found);
}

Curve losses_of(const std::vector<StepRecord>& records) {
    constexpr size_t kShort = 60;
    constexpr int64_t kWindows = 50, kPoints = 300;
    Curve curve;
    for (const StepRecord& r : records) curve.push_back({.x = static_cast<double>(r.step), .y = r.loss});
    return curve.size() <= kShort ? curve : moving_mean(curve, static_cast<int64_t>(curve.size()) / kWindows, kPoints);
}

double lower(double best, double value) {
    return std::isfinite(value) && !(best <= value) ? value : best;
}

RunSummary summary_of(const Path& folder) {
    RunSummary run = {.folder = folder, .finished = fs::exists(folder / kManifestName)};
    if (const Path file = folder / "run.toml"; fs::exists(file)) run.settings = run_file_values(file);
    for (const auto& [name, value] : run.settings) {
        if (name == "model") run.model = value;
        if (name == "method") run.method = value;
    }
    const std::vector<StepRecord> records = read_metrics(folder / kMetrics);
    run.steps = static_cast<int64_t>(records.size());
    run.best_loss = NAN;
    for (const StepRecord& r : records) {
        run.loss = r.loss;
        run.tokens = r.num_tokens;
        if (std::isfinite(r.step_ms)) run.seconds += r.step_ms / 1000;
        if (!r.skipped) run.best_loss = lower(run.best_loss, r.loss);
        if (!r.eval_loss) continue;
        run.best_eval_loss = lower(run.best_eval_loss.value_or(NAN), *r.eval_loss);
        run.eval_loss = r.eval_loss;
        run.evaluations.push_back({.x = static_cast<double>(r.step), .y = *r.eval_loss});
    }
    run.losses = losses_of(records);
    return run;
}

std::string loss_text(const std::optional<double>& loss) {
    return loss && std::isfinite(*loss) ? fmt::format("{:.4f}", *loss) : "";
}

}   // namespace

std::vector<RunSummary> find_runs(const std::vector<std::string>& folders) {
    std::vector<Path> found;
    for (const std::string& folder : folders) {
        if (!fs::is_directory(folder))
            throw UserError("PATH", folder, "", "is no folder", "give a run's output folder, or one that holds some");
        collect(folder, 0, found);
    }
    if (found.empty())
        throw UserError("MISSING", folders.front(), kMetrics, "no run lies here or below",
                        "give the --output-dir of a run, or a folder that holds some");
    std::vector<RunSummary> runs;
    for (const Path& folder : found) runs.push_back(summary_of(folder));
    return runs;
}

std::string runs_table(const std::vector<RunSummary>& runs) {
    std::vector<std::vector<std::string>> rows = {
        {"folder", "model", "method", "steps", "loss", "best", "eval", "best", "time", ""}};
    for (const RunSummary& run : runs)
        rows.push_back({run.folder.string(), Path(run.model).filename().string(), run.method, std::to_string(run.steps),
                        loss_text(run.loss), loss_text(run.best_loss), loss_text(run.eval_loss),
                        loss_text(run.best_eval_loss), clock_text(run.seconds), run.finished ? "" : "not finished"});
    Sheet sheet;
    sheet.table(rows);
    return sheet.text();
}

OrderedJson runs_json(const std::vector<RunSummary>& runs) {
    const auto loss = [](const std::optional<double>& value) { return value ? OrderedJson(*value) : OrderedJson(); };
    OrderedJson json = OrderedJson::array();
    for (const RunSummary& run : runs)
        json.push_back({{"folder", run.folder.string()},
                        {"model", run.model},
                        {"method", run.method},
                        {"finished", run.finished},
                        {"steps", run.steps},
                        {"num_tokens", run.tokens},
                        {"seconds", run.seconds},
                        {"loss", loss(run.loss)},
                        {"best_loss", loss(run.best_loss)},
                        {"eval_loss", loss(run.eval_loss)},
                        {"best_eval_loss", loss(run.best_eval_loss)}});
    return json;
}

}   // namespace llmft
