// Training runs that lie in folders, and how they compare.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/json.h"
#include "tools/report/run_figures.h"

namespace llmft {

struct RunSummary {
    Path folder = {};
    std::string model = {}, method = {};   // of run.toml; empty where it has none
    bool finished = false;                 // its folder has the hashes that a run's end writes
    RunFigures figures = {};
    std::vector<std::pair<std::string, std::string>> settings = {};   // of run.toml
};

// The runs in these folders and below them, in the order of the folders, then of names. A folder is a run's if it holds
// metrics.jsonl; one that cannot be read is left out with a warning. Throws UserError PATH for what is no folder,
// MISSING where there is no run, and where none can be read, why.
std::vector<RunSummary> find_runs(const std::vector<std::string>& folders);

std::string runs_table(const std::vector<RunSummary>& runs);
OrderedJson runs_json(const std::vector<RunSummary>& runs);
// One page: curves over one another, results, settings that differ. `page` is where it will lie: its links to the runs'
// reports lead from there.
std::string runs_page(const std::vector<RunSummary>& runs, const Path& page);
// "1.2345"; nothing for what is not there or not finite.
std::string loss_text(const std::optional<double>& loss);
std::string loss_text(const std::optional<CurvePoint>& best);

}   // namespace llmft
