#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/log/progress.h"
#include "tools/report/chart.h"
#include "tools/report/page.h"
#include "tools/report/run_list.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

std::string name_of(const RunSummary& run) {
    const std::string last = run.folder.filename().string();
    return last.empty() ? run.folder.parent_path().filename().string() : last;
}

// A run's short name, with its place in the list where two have the same.
std::vector<std::string> names_of(const std::vector<RunSummary>& runs) {
    std::map<std::string, int> count;
    for (const RunSummary& run : runs) ++count[name_of(run)];
    std::vector<std::string> names;
    for (size_t i = 0; i < runs.size(); ++i)
        names.push_back(count[name_of(runs[i])] > 1 ? fmt::format("{} ({})", name_of(runs[i]), i + 1)
                                                    : name_of(runs[i]));
    return names;
}

std::string curves(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
    std::vector<ChartCurve> losses, evaluations;
    for (size_t i = 0; i < runs.size(); ++i) {
        const int colour = static_cast<int>(i) % kChartColours;
        losses.push_back({.name = names[i], .points = runs[i].losses, .colour = colour});
        if (!runs[i].evaluations.empty())
            evaluations.push_back(
                {.name = names[i], .points = runs[i].evaluations, .style = ChartCurve::Style::kDots, .colour = colour});
    }
    std::string html = chart_html({.title = "Loss", .unit = "nats a token, by step", .curves = losses});
    if (!evaluations.empty())
        html += chart_html({.title = "Held-out loss", .unit = "nats a token, by step", .curves = evaluations});
    return fmt::format("<div class=\"charts\">\n{}</div>\n", html);
}

std::string results(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
    const auto loss = [](const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : ""; };
    std::vector<std::vector<std::string>> rows = {
        {"run", "model", "method", "steps", "loss", "best", "held-out", "best held-out", "tokens", "time"}};
    for (size_t i = 0; i < runs.size(); ++i) {
        const RunSummary& run = runs[i];
        rows.push_back({names[i] + (run.finished ? "" : ", not finished"), run.model, run.method,
                        grouped_digits(run.steps), loss(run.loss), loss(run.best_loss), loss(run.eval_loss),
                        loss(run.best_eval_loss), grouped_digits(run.tokens), clock_text(run.seconds)});
    }
    return page_table(rows);
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

std::string runs_page(const std::vector<RunSummary>& runs) {
    const std::vector<std::string> names = names_of(runs);
    return html_page("llmft: runs",
                     page_header("llmft runs", fmt::format("{} {}", runs.size(), runs.size() == 1 ? "run" : "runs"),
                                 "Curves of many steps are smoothed.") +
                         page_section("Results", results(runs, names)) + page_section("Steps", curves(runs, names)) +
                         page_section("Settings that differ", differing_settings(runs, names)));
}

}   // namespace llmft
