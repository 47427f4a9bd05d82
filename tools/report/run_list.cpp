#include "tools/report/run_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/io/manifest.h"
#include "engine/log/log.h"
#include "engine/log/metrics.h"
#include "engine/log/progress.h"
#include "kernels/base/error.h"
#include "model/config.h"
#include "tools/report/run_names.h"
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

// Of a run with such settings. What is asked for is in them; what a folder of weights is in, only its config.json says,
// where that still lies there.
BaseWeights base_of(const std::string& model, const std::string& quantization) {
    if (!quantization.empty() && quantization != "none") return BaseWeights::kFourBits;
    const Path config = Path(model) / "config.json";
    if (!fs::is_regular_file(config)) return BaseWeights::kWhole;
    try {
        return read_model_config(config).quantization ? BaseWeights::kFourBits : BaseWeights::kWhole;
    } catch (const UserError&) {
        return BaseWeights::kWhole;   // no model any more: it is not what is asked about
    }
}

RunSummary summary_of(const Path& folder) {
    RunSummary run = {.folder = folder,
                      .finished = fs::exists(folder / kManifestName),
                      .figures = figures_of(read_metrics(folder / kMetrics))};
    if (const Path file = folder / "run.toml"; fs::exists(file)) run.settings = run_file_values(file);
    const auto setting = [&](const char* name) {
        for (const auto& [key, value] : run.settings)
            if (key == name) return value;
        return std::string();
    };
    run.model = setting("model");
    run.method = method_name(setting("method"), base_of(run.model, setting("quantization")));
    return run;
}

std::optional<double> height_of(const std::optional<CurvePoint>& point) {
    return point ? std::optional(point->y) : std::nullopt;
}

}   // namespace

std::string loss_text(const std::optional<double>& loss) {
    return loss && std::isfinite(*loss) ? fmt::format("{:.4f}", *loss) : "";
}

std::string loss_text(const std::optional<CurvePoint>& best) {
    return loss_text(height_of(best));
}

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
    for (const Path& folder : found) {
        try {
            runs.push_back(summary_of(folder));
        } catch (const UserError& error) {
            if (found.size() == 1) throw;
            log::warn(fmt::format("{} is left out: {}", folder.string(), error.what()));   // others can be compared
        }
    }
    if (runs.empty())
        throw UserError("STATE", folders.front(), kMetrics, "none of its runs can be read", "see the warnings above");
    return runs;
}

std::string runs_table(const std::vector<RunSummary>& runs) {
    std::vector<std::vector<std::string>> rows = {
        {"folder", "model", "method", "steps", "loss", "best", "eval", "best", "time", ""}};
    for (const RunSummary& run : runs)
        rows.push_back({run.folder.string(), last_name(run.model), run.method, std::to_string(run.figures.steps),
                        loss_text(run.figures.loss), loss_text(run.figures.best_loss), loss_text(run.figures.eval_loss),
                        loss_text(run.figures.best_eval_loss), clock_text(run.figures.seconds),
                        run.finished ? "" : "not finished"});
    Sheet sheet;
    sheet.table(rows);
    return sheet.text();
}

OrderedJson runs_json(const std::vector<RunSummary>& runs) {
    const auto json_of = [](const std::optional<double>& value) { return value ? OrderedJson(*value) : OrderedJson(); };
    OrderedJson json = OrderedJson::array();
    for (const RunSummary& run : runs)
        json.push_back({{"folder", run.folder.string()},
                        {"model", run.model},
                        {"method", run.method},
                        {"finished", run.finished},
                        {"steps", run.figures.steps},
                        {"num_tokens", run.figures.tokens},
                        {"seconds", run.figures.seconds},
                        {"tokens_per_second", json_of(run.figures.tokens_per_second)},
                        {"loss", json_of(run.figures.loss)},
                        {"best_loss", json_of(height_of(run.figures.best_loss))},
                        {"eval_loss", json_of(run.figures.eval_loss)},
                        {"best_eval_loss", json_of(height_of(run.figures.best_eval_loss))}});
    return json;
}

}   // namespace llmft
