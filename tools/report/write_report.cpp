#include "tools/report/write_report.h"

#include <fmt/format.h>

#include <ctime>

#include "kernels/base/parallel.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/report/run_names.h"
#include "tools/report/run_report.h"

namespace llmft {
namespace {

void add_samples(RunReport& report, const ReportParts& parts) {
    if (parts.options.report.report_samples == 0) {
        report.sample_note = "None were asked for (--report-samples 0).";
        return;
    }
    if (parts.result.end == RunEnd::kStopped || parts.result.end == RunEnd::kNotFinite) {
        report.sample_note = "They are made at the end of the run.";
        return;
    }
    const std::vector<Question> questions = sample_questions(parts.prepared.data, parts.options.report.report_samples);
    report.sample_note = "No row has a prompt before what is learned.";
    if (questions.empty()) return;
    try {
        report.samples = make_samples(questions, parts.prepared, parts.session, parts.options.memory.limit_bytes());
    } catch (const Error& error) {
        report.sample_note = fmt::format("None: {}.", error.what());
    }
}

std::vector<std::pair<std::string, std::string>> next_steps(const ReportParts& parts) {
    const std::vector<std::string> train = {"train", "--config", parts.output_dir + "/run.toml"};
    const auto train_with = [&](const std::vector<std::string>& more) {
        std::vector<std::string> words = train;
        words.insert(words.end(), more.begin(), more.end());
        return command_line(words);
    };
    if (parts.result.end == RunEnd::kStopped) return {{"Go on where this run was stopped", command_line(train)}};
    if (parts.result.end == RunEnd::kNotFinite && parts.options.loop.on_nan == "skip")
        return {{"Go on from the last checkpoint at a tenth of the learning rate",
                 train_with({"--learning-rate", fmt::format("{}", *parts.options.schedule.learning_rate / 10)})}};
    if (parts.result.end == RunEnd::kNotFinite)
        return {{"Go on from the last checkpoint, without the steps that are not finite",
                 train_with({"--on-nan", "skip"})}};
    const bool full = parts.options.method.method == "full";
    std::vector<std::pair<std::string, std::string>> steps = {
        {"Ask the model", next_command(parts.options, parts.prepared, parts.output_dir)}};
    if (!full)
        steps.emplace_back("Make one model folder of base and adapter",
                           command_line({"merge", "--model", parts.options.model.model, "--adapter", parts.output_dir,
                                         "--output", parts.output_dir + "-merged"}));
    steps.emplace_back("Check every byte of the folder", command_line({"verify", parts.output_dir}));
    steps.emplace_back("The same run again", train_with({"--output-dir", parts.output_dir + "-again"}));
    return steps;
}

// "2026-03-01 14:05 CET"
std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm local = {};
    localtime_r(&now, &local);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M %Z", &local)};
}

std::vector<std::string> about(const ReportParts& parts) {
    const PreparedRun& run = parts.prepared;
    const TrainOptions& options = parts.options;
    const bool full = options.method.method == "full";
    const int threads = thread_count();
    return {fmt::format("{}: {}", options.model.model, method_text(options, run)),
            trainable_line(run.chosen.plan, run.config, !full),
            fmt::format("llmft {}, {}, {}, {} {}", version(), time_of_day(),
                        parts.session.run().device.properties().name, threads, threads == 1 ? "thread" : "threads")};
}

}   // namespace

void write_report(const ReportParts& parts) {
    const PreparedRun& run = parts.prepared;
    const Path output = parts.output_dir;
    std::vector<StepRecord> records = read_metrics(output / "metrics.jsonl");
    RunReport report = {.name = last_name(output),
                        .status = fmt::format("{} after step {}", end_text(parts.result.end),
                                              records.empty() ? 0 : records.back().step),
                        .about = about(parts),
                        .total_steps = run.steps,
                        .records = std::move(records),
                        .rows = static_cast<int64_t>(run.data.train.examples.size()),
                        .tokens = run.data.train.tokens(),
                        .loss_tokens = run.data.train.loss_tokens(),
                        .evaluation_rows = static_cast<int64_t>(run.data.evaluation.size()),
                        .counts = run.data.train.counts,
                        .data_notes = run.data.train.notes,
                        .memory = run.chosen.plan.memory,
                        .peak_bytes = run.chosen.plan.peak_bytes,
                        .settings = parts.flags.options(),
                        .next = next_steps(parts)};
    for (const Example& example : run.data.train.examples)
        report.lengths.push_back(static_cast<int64_t>(example.ids.size()));
    add_samples(report, parts);
    write_file(output / "report.html", run_page(report));
}

}   // namespace llmft
