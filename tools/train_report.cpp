#include "tools/train_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "engine/log/progress.h"
#include "tools/mask_text.h"
#include "tools/open_model.h"

namespace llmft {
namespace {

void print_example(const Example& example, const Tokenizer& tokenizer) {
    constexpr int64_t kShown = 160;   // tokens
    const Colour colour = colour_on(STDERR_FILENO);
    fmt::print(stderr, "first example ({} tokens; {} is not learned)\n{}\n\n", example.ids.size(),
               colour == Colour::kYes ? "dim text" : "⟦text⟧", mask_text(example, tokenizer, kShown, colour));
}

std::string recompute_text(const std::vector<Recompute>& policy) {
    const auto count = [&](Recompute r) { return std::count(policy.begin(), policy.end(), r); };
    if (count(Recompute::kNone) == static_cast<int64_t>(policy.size())) return "nothing rerun";
    return fmt::format("rerun in backward: FFN of {} layers, all of {}", count(Recompute::kFfn),
                       count(Recompute::kFull));
}

std::string quantization_text(const std::optional<Quantization>& q) {
    if (!q) return "";
    return fmt::format("; frozen linears in {}{}", name(q->kind()),
                       q->double_quant() == DoubleQuant::kYes ? ", doubly quantised" : "");
}

}   // namespace

std::string method_text(const TrainOptions& options, const PreparedRun& run) {
    return fmt::format("{}, {} on {}{}", options.method.method, name(run.chosen.shape.dtype),
                       options.model.device == "auto" ? "cpu" : options.model.device,
                       quantization_text(run.chosen.shape.quantization));
}

void print_start(const TrainOptions& options, const PreparedRun& run) {
    const ModelConfig& config = run.config;
    const TrainData& data = run.data;
    const ChosenPlan& chosen = run.chosen;
    const bool adapters = options.method.method != "full";
    fmt::print(stderr, "model    {}: {} layers, {} wide, {} tokens in the vocabulary\n", options.model.model,
               config.num_hidden_layers, config.hidden_size, config.vocab_size);
    fmt::print(stderr, "method   {}\n", method_text(options, run));
    fmt::print(stderr, "         {}\n", trainable_line(chosen.plan, config, adapters));
    const DataCounts& counts = data.train.counts;
    fmt::print(stderr, "data     {} rows, {} tokens, {:.1f} % carry loss; {} cut, {} dropped\n",
               data.train.examples.size(), data.train.tokens(),
               100.0 * static_cast<double>(data.train.loss_tokens()) / static_cast<double>(data.train.tokens()),
               counts.truncated, counts.dropped.size());
    constexpr size_t kListed = 5;
    for (size_t i = 0; i < std::min(kListed, counts.dropped.size()); ++i)
        fmt::print(stderr, "         dropped {}: {}\n", counts.dropped[i].where, counts.dropped[i].reason);
    for (const std::string& note : data.train.notes) fmt::print(stderr, "         {}\n", note);
    if (!data.evaluation.empty()) fmt::print(stderr, "         {} rows for evaluation\n", data.evaluation.size());
    fmt::print(stderr, "steps    {} of {} x {} examples, at most {} tokens at once; {}\n", run.steps,
               options.batch.per_device_train_batch_size, options.batch.gradient_accumulation_steps,
               chosen.shape.tokens, recompute_text(chosen.shape.recompute));
    if (run.from)
        fmt::print(stderr, "resume   {}: {} of {} steps are done\n", run.from->checkpoint.path.string(),
                   run.from->checkpoint.step, run.steps);
    fmt::print(stderr, "memory\n{}\n", memory_table(chosen.plan));
    if (data.tokenizer) print_example(data.train.examples.front(), *data.tokenizer);
}

void TrainSummary::add(const StepRecord& record) {
    if (record.skipped)
        ++skipped;
    else
        best_loss = std::min(best_loss, record.loss);
    if (record.eval_loss) {
        best_eval_loss = last_eval_loss ? std::min(best_eval_loss, *record.eval_loss) : *record.eval_loss;
        last_eval_loss = record.eval_loss;
    }
    seconds += record.step_ms / 1000;
    last = record;
}

const char* end_text(RunEnd end) {
    switch (end) {
        case RunEnd::kDone: return "done";
        case RunEnd::kEarly: return "ended early: no evaluation gained any more,";
        case RunEnd::kStopped: return "stopped on request";
        case RunEnd::kNotFinite: return "ended at a number that is not finite";
    }
    throw InternalError("an end of a run");
}

std::string next_command(const TrainOptions& options, const std::string& output_dir) {
    const bool full = options.method.method == "full";
    std::string model = full ? output_dir : options.model.model;
    if (options.model.quantization != "none")
        model += " --quantization " + options.model.quantization;
    else if (options.method.method == "qlora" && !read_model_config(*open_model(options.model.model)).quantization)
        model += " --quantization nf4";
    return fmt::format("llmft generate --model {}{} --prompt \"…\"", model, full ? "" : " --adapter " + output_dir);
}

void print_end(const TrainOptions& options, const std::string& output_dir, const RunResult& result) {
    const TrainSummary& summary = result.summary;
    const StepRecord& last = summary.last;
    fmt::print("{} after step {} in {}: loss {:.4f}, best {:.4f}", end_text(result.end), last.step,
               clock_text(summary.seconds), last.loss, summary.best_loss);
    if (summary.last_eval_loss)
        fmt::print("; eval loss {:.4f}, best {:.4f}", *summary.last_eval_loss, summary.best_eval_loss);
    if (summary.skipped > 0) fmt::print("; {} steps skipped", summary.skipped);
    fmt::print("\n");
    if (result.end == RunEnd::kStopped) {
        fmt::print("everything is in {}/checkpoint-{}; the same command goes on from there\n", output_dir,
                   *result.newest_checkpoint);
        return;
    }
    const bool full = options.method.method == "full";
    fmt::print("{} in {}; every step in {}/metrics.jsonl; settings in {}/run.toml\n", full ? "model" : "adapter",
               output_dir, output_dir, output_dir);
    if (options.report.to("html")) fmt::print("report: {}/report.html\n", output_dir);
    fmt::print("next: {}\n", next_command(options, output_dir));
}

}   // namespace llmft
