#include "tools/train_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "engine/io/quote.h"
#include "engine/log/progress.h"
#include "engine/log/say.h"
#include "tools/command_line.h"
#include "tools/eval/exact_match.h"
#include "tools/mask_text.h"
#include "tools/report/run_names.h"

namespace llmft {
namespace {

void print_example(const Example& example, const Tokenizer& tokenizer) {
    constexpr int64_t kShown = 160;   // tokens
    const Colour colour = colour_on(STDERR_FILENO);
    say(stderr, "first example ({} tokens; {} is not learned)\n{}\n\n", example.ids.size(),
        colour == Colour::kYes ? "dim text" : "⟦text⟧", mask_text(example, tokenizer, kShown, colour));
}

std::string quantization_text(const std::optional<Quantization>& q) {
    if (!q) return "";
    return fmt::format("; frozen linears in {}{}", name(q->kind()),
                       q->double_quant() == DoubleQuant::kYes ? ", doubly quantised" : "");
}

}   // namespace

std::string method_text(const TrainOptions& options, const PreparedRun& run) {
    const auto& quantization = run.chosen.shape.quantization;
    const BaseWeights base = quantization ? BaseWeights::kFourBits : BaseWeights::kWhole;
    return fmt::format("{}, {} on {}{}", method_name(options.method.method, base), name(run.chosen.shape.dtype),
                       options.model.device == "auto" ? "cpu" : options.model.device, quantization_text(quantization));
}

void print_start(const TrainOptions& options, const PreparedRun& run) {
    const ModelConfig& config = run.config;
    const TrainData& data = run.data;
    const ChosenPlan& chosen = run.chosen;
    const bool adapters = options.method.method != "full";
    say(stderr, "model    {}: {} layers, {} wide, {} tokens in the vocabulary\n", options.model.model,
        config.num_hidden_layers, config.hidden_size, config.vocab_size);
    say(stderr, "method   {}\n", method_text(options, run));
    say(stderr, "         {}\n", trainable_line(chosen.plan, config, adapters));
    const DataCounts& counts = data.train.counts;
    say(stderr, "data     {} rows, {} tokens, {:.1f} % carry loss; {} cut, {} dropped\n", data.train.examples.size(),
        data.train.tokens(),
        100.0 * static_cast<double>(data.train.loss_tokens()) / static_cast<double>(data.train.tokens()),
        counts.truncated, counts.dropped.size());
    constexpr size_t kListed = 5, kMemoryRows = 8;
    for (size_t i = 0; i < std::min(kListed, counts.dropped.size()); ++i)
        say(stderr, "         dropped {}: {}\n", counts.dropped[i].where, counts.dropped[i].reason);
    for (const std::string& note : data.train.notes) say(stderr, "         {}\n", note);
    if (!data.evaluation.empty()) say(stderr, "         {} rows for evaluation\n", data.evaluation.size());
    say(stderr, "steps    {} of {} x {} examples, at most {} tokens at once; {}\n", run.steps,
        options.batch.per_device_train_batch_size, options.batch.gradient_accumulation_steps, chosen.shape.tokens,
        recompute_text(chosen.shape.recompute));
    if (run.from)
        say(stderr, "resume   {}: {} of {} steps are done{}\n", run.from->checkpoint.path.string(),
            run.from->checkpoint.step, run.steps,
            run.from->checkpoint.step == run.steps ? "; --resume never, or another --output-dir, takes them anew" : "");
    say(stderr, "memory\n{}\n", memory_table(chosen.plan, kMemoryRows));
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

namespace {

// A short prompt of the rows, or a word where they have none.
std::string some_prompt(const TrainData& data) {
    constexpr size_t kRows = 100, kLongest = 80;   // bytes
    const std::vector<Example>& rows = data.evaluation.empty() ? data.train.examples : data.evaluation;
    for (size_t i = 0; data.tokenizer && i < std::min(kRows, rows.size()); ++i)
        if (const auto question = question_of(rows[i], *data.tokenizer)) {
            const std::string text = data.tokenizer->decode(question->prompt, SkipSpecialTokens::kYes);
            if (text.size() <= kLongest && on_one_line(text) == text) return text;
        }
    return "Hello";
}

}   // namespace

const char* end_text(RunEnd end) {
    switch (end) {
        case RunEnd::kDone: return "done";
        case RunEnd::kEarly: return "ended early: no evaluation gained any more,";
        case RunEnd::kStopped: return "stopped on request";
        case RunEnd::kNotFinite: return "ended at a number that is not finite";
    }
    throw InternalError("an end of a run");
}

std::string next_command(const TrainOptions& options, const PreparedRun& run, const std::string& output_dir) {
    const bool full = options.method.method == "full";
    std::vector<std::string> words = {"generate", "--model", full ? output_dir : options.model.model};
    if (options.model.quantization != "none") words.insert(words.end(), {"--quantization", options.model.quantization});
    if (!full) words.insert(words.end(), {"--adapter", output_dir});
    if (run.chosen.shape.dtype != DType::kF32) words.insert(words.end(), {"--dtype", options.model.dtype});
    words.insert(words.end(), {"--prompt", some_prompt(run.data)});
    return command_line(words);
}

void print_end(const TrainOptions& options, const PreparedRun& run, const std::string& output_dir,
               const RunResult& result) {
    const TrainSummary& summary = result.summary;
    const StepRecord& last = summary.last;
    const auto line = [](const char* label, const std::string& text) { say(stdout, "{:<10} {}\n", label, text); };
    say(stdout, "{} after step {} in {}\n", end_text(result.end), last.step, clock_text(summary.seconds));
    line("loss", fmt::format("{}, best {}", loss_figure(last.loss), loss_figure(summary.best_loss)));
    if (summary.last_eval_loss)
        line("eval loss",
             fmt::format("{}, best {}", loss_figure(*summary.last_eval_loss), loss_figure(summary.best_eval_loss)));
    if (result.kept_step) line("kept", fmt::format("the weights of step {}, the best evaluation", *result.kept_step));
    if (summary.skipped > 0) line("skipped", fmt::format("{} step{}", summary.skipped, summary.skipped > 1 ? "s" : ""));
    if (result.end == RunEnd::kStopped)
        return line("checkpoint", fmt::format("{}/checkpoint-{}; the same command goes on from there", output_dir,
                                              *result.newest_checkpoint));
    line(options.method.method == "full" ? "model" : "adapter", output_dir);
    line("steps", output_dir + "/metrics.jsonl");
    line("settings", output_dir + "/run.toml");
    if (options.report.to("html")) line("report", output_dir + "/report.html");
    line("next", next_command(options, run, output_dir));
}

}   // namespace llmft
