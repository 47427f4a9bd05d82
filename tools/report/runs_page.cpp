#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>

#include "engine/log/progress.h"
#include "tools/report/chart.h"
#include "tools/report/page.h"
#include "tools/report/run_list.h"
#include "tools/report/run_names.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

// A run's short name, with its place in the list where two have the same.
std::vector<std::string> names_of(const std::vector<RunSummary>& runs) {
    std::map<std::string, int> count;
    std::vector<std::string> names;
    for (const RunSummary& run : runs) names.push_back(last_name(run.folder));
    for (const std::string& name : names) ++count[name];
    for (size_t i = 0; i < runs.size(); ++i)
        if (count[names[i]] > 1) names[i] += fmt::format(" ({})", i + 1);
    return names;
}

std::string curves(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
    std::vector<ChartCurve> losses, evaluations;
    for (size_t i = 0; i < runs.size(); ++i) {
        const int colour = static_cast<int>(i) % kChartColours;
        losses.push_back({.name = names[i], .points = smoothed(runs[i].figures.losses).points, .colour = colour});
        evaluations.push_back({.name = names[i],
                               .points = runs[i].figures.evaluations,
                               .style = ChartCurve::Style::kDots,
                               .colour = colour});
    }
    return charts_html({{.title = "Loss", .unit = "nats a token, by step", .curves = losses},
                        {.title = "Held-out loss", .unit = "nats a token, by step", .curves = evaluations}});
}

// From a page to a run's report, as a browser follows it: by names, whatever links they are. Empty where there is none.
std::string report_from(const Path& page, const RunSummary& run) {
    const Path report = run.folder / "report.html";
    if (!fs::exists(report)) return "";
    return fs::absolute(report).lexically_normal().lexically_relative(
        fs::absolute(page).lexically_normal().parent_path());
}

std::string results(const std::vector<RunSummary>& runs, const std::vector<std::string>& names, const Path& page) {
    std::vector<std::vector<std::string>> rows = {
        {"run", "model", "method", "steps", "loss", "best", "held-out", "best held-out", "tokens", "tokens/s", "time"}};
    std::vector<std::string> links = {""};
    for (size_t i = 0; i < runs.size(); ++i) {
        const RunSummary& run = runs[i];
        const RunFigures& f = run.figures;
        rows.push_back({names[i] + (run.finished ? "" : ", not finished"), last_name(run.model), run.method,
                        grouped_digits(f.steps), loss_text(f.loss), loss_text(f.best_loss), loss_text(f.eval_loss),
                        loss_text(f.best_eval_loss), grouped_digits(f.tokens),
                        f.tokens_per_second ? grouped_digits(std::llround(*f.tokens_per_second)) : "",
                        clock_text(f.seconds)});
        links.push_back(report_from(page, run));
    }
    return page_table(rows, links);
}

std::string differing_settings(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
    std::vector<std::string> keys;   // in the order of run.toml
    std::map<std::string, std::vector<std::string>> values;
    for (size_t i = 0; i < runs.size(); ++i)
        for (const auto& [key, value] : runs[i].settings) {
            if (!values.contains(key)) keys.push_back(key);
            values.try_emplace(key, runs.size(), "not set").first->second[i] = value;
        }
    std::vector<std::vector<std::string>> rows = {{"setting"}};
    rows[0].insert(rows[0].end(), names.begin(), names.end());
    for (const std::string& key : keys) {
        const std::vector<std::string>& all = values.at(key);
        if (std::set<std::string>(all.begin(), all.end()).size() < 2 || key == "output_dir") continue;
        rows.push_back({key});
        rows.back().insert(rows.back().end(), all.begin(), all.end());
    }
    return rows.size() > 1 ? page_table(rows) : page_note("None.");
}

}   // namespace

std::string runs_page(const std::vector<RunSummary>& runs, const Path& page) {
    const std::vector<std::string> names = names_of(runs);
    return html_page("llmft: runs",
                     page_header("llmft runs", fmt::format("{} {}", runs.size(), runs.size() == 1 ? "run" : "runs"),
                                 {"Curves of many steps are smoothed."}) +
                         page_section("Results", results(runs, names, page)) +
                         page_section("Steps", curves(runs, names)) +
                         page_section("Settings that differ", differing_settings(runs, names)));
}

}   // namespace llmft
