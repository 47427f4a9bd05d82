#include <fmt/format.h>

#include <cmath>

#include "engine/io/model_files.h"
#include "engine/log/metrics.h"
#include "engine/train/checkpoint_folder.h"
#include "tools/command_line.h"
#include "tools/inspect/inspection.h"
#include "tools/run_file.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

constexpr const char *kMetrics = "metrics.jsonl", *kSettings = "run.toml";

// How many steps the run takes: as set, or by its epochs and how far into them the last step was; 0: not known.
int64_t all_steps(const std::vector<std::pair<std::string, std::string>>& settings,
                  const std::vector<StepRecord>& records) {
    const auto number = [&](const char* name) {
        for (const auto& [key, text] : settings)
            if (key == name) return std::stod(text);
        return 0.0;
    };
    if (number("max_steps") > 0) return static_cast<int64_t>(number("max_steps"));
    if (records.empty() || !(records.back().epoch > 0)) return 0;
    const double steps = number("num_train_epochs") * static_cast<double>(records.back().step) / records.back().epoch;
    return static_cast<int64_t>(std::llround(steps));
}

}   // namespace

bool is_run(const Path& folder) {
    return is_there(folder / kMetrics) || is_there(folder / kSettings) || !checkpoint_steps(folder).empty();
}

Inspection inspect_run(const Path& folder) {
    const std::vector<int64_t> checkpoints = checkpoint_steps(folder);
    const Path file = folder / kSettings;
    std::vector<std::pair<std::string, std::string>> settings;
    std::vector<StepRecord> records;
    if (is_there(file)) settings = run_file_values(file);
    if (is_there(folder / kMetrics)) records = read_metrics(folder / kMetrics);
    const int64_t step = records.empty() ? 0 : records.back().step, steps = all_steps(settings, records);
    const std::string newest = checkpoints.empty() ? "" : checkpoint_path(folder, checkpoints.back()).string();
    Inspection found;
    found.json = {{"kind", "run"},
                  {"path", folder.string()},
                  {"step", step},
                  {"steps", steps > 0 ? OrderedJson(steps) : OrderedJson(nullptr)},
                  {"checkpoint", newest.empty() ? OrderedJson(nullptr) : OrderedJson(newest)}};
    Sheet sheet;
    sheet.title(fmt::format("{}: a run without a result, step {}{}", folder.string(), step,
                            steps > 0 ? fmt::format(" of {}", steps) : ""));
    sheet.row("checkpoint", newest.empty() ? "none" : newest);
    if (!settings.empty()) sheet.row("goes on by", command_line({"train", "--config", file.string()}));
    found.page = sheet.text();
    return found;
}

}   // namespace llmft
