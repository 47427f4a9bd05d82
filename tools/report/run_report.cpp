#include "tools/report/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/log/progress.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/report/run_figures.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

constexpr size_t kShownText = 4000;   // bytes of a prompt or an answer
constexpr size_t kShownRows = 100;    // of a list of rows

std::string number(double value) {
    return std::isfinite(value) ? fmt::format("{:.6g}", value) : "not finite";
}
// As large as a tile has room for.
std::string short_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.4g}", value) : "not finite";
}

std::string percent(int64_t part, int64_t whole) {
    return fmt::format("{:.1f} %", whole > 0 ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0.0);
}

std::string best_note(const std::optional<CurvePoint>& best) {
    return best ? fmt::format("best {} at step {:.0f}", short_number(best->y), best->x) : "";
}

std::string tiles(const RunReport& report, const RunFigures& run) {
    std::vector<Tile> tiles;
    if (run.loss) tiles.push_back({"Loss", short_number(*run.loss), best_note(run.best_loss)});
    if (run.eval_loss) tiles.push_back({"Held-out loss", short_number(*run.eval_loss), best_note(run.best_eval_loss)});
    tiles.push_back({"Steps", grouped_digits(run.steps), fmt::format("of {}", grouped_digits(report.total_steps))});
    tiles.push_back({"Time in steps", clock_text(run.seconds), fmt::format("{} tokens", grouped_digits(run.tokens))});
    if (run.tokens_per_second)
        tiles.push_back(
            {"Tokens a second", grouped_digits(std::llround(*run.tokens_per_second)), "median of the steps"});
    tiles.push_back({"Memory", bytes_text(report.peak_bytes), "planned peak"});
    return page_tiles(tiles);
}

std::string charts(const std::vector<StepRecord>& records, const RunFigures& run) {
    const auto of = [&](double StepRecord::*member) {
        Curve curve;
        for (const StepRecord& r : records) curve.push_back({.x = static_cast<double>(r.step), .y = r.*member});
        return curve;
    };
    std::vector<ChartCurve> losses = smoothed_curves("training", run.losses, 0);
    losses.push_back({.name = "held out", .points = run.evaluations, .style = ChartCurve::Style::kDots, .colour = 1});
    return charts_html({{.title = "Loss", .unit = "nats a token, by step", .curves = losses},
                        {.title = "Learning rate",
                         .unit = "by step",
                         .curves = {{.name = "learning rate", .points = of(&StepRecord::learning_rate), .colour = 2}},
                         .axis = Axis::Choice::kLinear},
                        {.title = "Gradient norm",
                         .unit = "before clipping, by step",
                         .curves = smoothed_curves("gradient norm", of(&StepRecord::grad_norm), 3)},
                        {.title = "Speed",
                         .unit = "tokens a second, by step",
                         .curves = smoothed_curves("tokens a second", of(&StepRecord::tokens_per_second), 4)},
                        {.title = "Token accuracy",
                         .unit = "share of learned tokens that were likeliest, by step",
                         .curves = smoothed_curves("accuracy", of(&StepRecord::mean_token_accuracy), 5),
                         .axis = Axis::Choice::kLinear}});
}

// The first steps, the last, those of evaluations, and some between: at most about fifty.
std::string numbers(const std::vector<StepRecord>& records) {
    constexpr size_t kRows = 24;
    std::vector<std::vector<std::string>> rows = {
        {"step", "epoch", "loss", "held-out loss", "learning rate", "gradient norm", "tokens a second"}};
    const size_t every = std::max<size_t>(1, records.size() / kRows);
    int64_t evaluations_left = kRows;
    for (size_t i = 0; i < records.size(); ++i) {
        const StepRecord& r = records[i];
        const bool evaluated = r.eval_loss && evaluations_left-- > 0;
        if (i % every != 0 && i + 1 != records.size() && !evaluated) continue;
        rows.push_back({std::to_string(r.step), fmt::format("{:.3g}", r.epoch), number(r.loss),
                        r.eval_loss ? number(*r.eval_loss) : "", number(r.learning_rate), number(r.grad_norm),
                        fmt::format("{:.0f}", r.tokens_per_second)});
    }
    return page_details("Numbers of some steps; all are in metrics.jsonl", page_table(rows));
}

std::string listed_rows(const std::string& what, const std::vector<std::vector<std::string>>& rows, size_t all) {
    if (rows.size() < 2) return "";
    const std::string shown = all + 1 > rows.size() ? fmt::format(", the first {}", rows.size() - 1) : "";
    return page_details(fmt::format("{}: {}{}", what, all, shown), page_table(rows));
}

std::string data_section(const RunReport& report) {
    const DataCounts& counts = report.counts;
    std::vector<std::vector<std::string>> dropped = {{"dropped", "why"}}, cut = {{"cut at its end"}};
    for (size_t i = 0; i < std::min(kShownRows, counts.dropped.size()); ++i)
        dropped.push_back({counts.dropped[i].where, counts.dropped[i].reason});
    for (size_t i = 0; i < std::min(kShownRows, counts.cut.size()); ++i) cut.push_back({counts.cut[i]});
    std::vector<std::vector<std::string>> facts = {
        {"", ""},
        {"rows to learn from", grouped_digits(report.rows)},
        {"tokens", grouped_digits(report.tokens)},
        {"tokens that carry loss",
         fmt::format("{} ({})", grouped_digits(report.loss_tokens), percent(report.loss_tokens, report.tokens))},
        {"rows held out", grouped_digits(report.evaluation_rows)},
        {"rows cut", grouped_digits(counts.truncated)},
        {"rows dropped", grouped_digits(static_cast<int64_t>(counts.dropped.size()))}};
    std::string notes;
    for (const std::string& note : report.data_notes) notes += page_note(note);
    return fmt::format("<div class=\"pair\">{}{}</div>\n{}{}{}", page_table(facts),
                       histogram_html({.title = "Length of rows", .unit = "tokens", .values = report.lengths}), notes,
                       listed_rows("Rows dropped", dropped, counts.dropped.size()),
                       listed_rows("Rows cut", cut, static_cast<size_t>(counts.truncated)));
}

std::string answer(const char* title, const std::string& text, bool good) {
    return fmt::format("<div{}><h3>{}</h3><p class=\"text\">{}</p></div>", good ? " class=\"good\"" : "", title,
                       escape_html(shortened(text, kShownText)));
}

std::string trimmed(const std::string& text) {
    const size_t begin = text.find_first_not_of(" \n\t");
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \n\t") + 1 - begin);
}

std::string samples_section(const RunReport& report) {
    if (report.samples.empty()) return page_note(report.sample_note);
    std::string html;
    for (const Sample& s : report.samples) {
        const std::string wanted = trimmed(s.reference);
        const auto is_wanted = [&](const std::string& text) { return trimmed(text) == wanted; };
        html += fmt::format(
            "<article><h3>Prompt</h3><p class=\"text\">{}</p><div class=\"answers\">{}{}{}</div></article>\n",
            escape_html(shortened(s.prompt, kShownText)), answer("Before", s.before, is_wanted(s.before)),
            answer("After", s.after, is_wanted(s.after)), answer("Reference", s.reference, false));
    }
    return html + page_note("Greedy answers of at most 64 tokens. A green title: the same text as the reference.");
}

std::string memory_section(const RunReport& report) {
    constexpr size_t kBars = 14;
    std::vector<Arena::Row> rows = report.memory;
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    if (rows.size() > kBars) {
        Arena::Row rest = {.name = fmt::format("{} others", rows.size() - kBars + 1), .bytes = 0, .count = 0};
        for (size_t i = kBars - 1; i < rows.size(); ++i) rest.bytes += rows[i].bytes;
        rows.resize(kBars - 1);
        rows.push_back(rest);
    }
    std::vector<Bar> bars;
    const int64_t most = rows.empty() ? 1 : std::max<int64_t>(1, rows.front().bytes);
    for (const Arena::Row& row : rows)
        bars.push_back({.label = row.name,
                        .value = bytes_text(row.bytes),
                        .share = static_cast<double>(row.bytes) / static_cast<double>(most)});
    return page_bars(bars) +
           page_note(fmt::format("What the step holds at its fullest, {} in all, as `llmft plan` counts it.",
                                 bytes_text(report.peak_bytes)));
}

std::string settings_section(const std::vector<Option>& settings) {
    std::vector<std::vector<std::string>> chosen = {{"option", "value", "default"}}, all = chosen;
    for (const Option& option : settings) {
        const std::string value = text_of(option).value_or("");
        const std::vector<std::string> row = {"--" + option.name, value, option.default_text};
        if (value != option.default_text) chosen.push_back(row);
        all.push_back(row);
    }
    return page_table(chosen) + page_details(fmt::format("All {} options", all.size() - 1), page_table(all));
}

}   // namespace

std::string run_page(const RunReport& report) {
    const RunFigures run = figures_of(report.records);
    std::string body = page_header("llmft train: " + report.status, report.name, report.about);
    body += tiles(report, run);
    if (run.steps > 0) body += page_section("Steps", charts(report.records, run) + numbers(report.records));
    body += page_section("Answers before and after", samples_section(report));
    body += page_section("Data", data_section(report));
    body += page_section("Memory by name", memory_section(report));
    body += page_section("Settings", settings_section(report.settings));
    std::string next;
    for (const auto& [what, command] : report.next) next += page_note(what) + page_command(command);
    body += page_section("Next", next);
    return html_page(report.name + ": llmft train", body);
}

}   // namespace llmft
