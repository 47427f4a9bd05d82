#include "tools/prepared_run.h"

#include <fmt/format.h>

#include "engine/io/xxh3.h"
#include "engine/log/log.h"
#include "tools/open_model.h"

namespace llmft {
namespace {

// `asked`: the model's options before they were resolved. A dtype that this machine has not is another precision all
// the same.
RunIdentity identify(const Flags& flags, const ModelOptions& asked, const PreparedRun& run) {
    constexpr int64_t kMostBytes = int64_t{256} << 20;
    RunIdentity identity = {.settings = flags.settings(),
                            .config = config_settings(*run.model, run.config),
                            .inputs = {{"model", hash_of_weights(*run.weights)},
                                       {"rows", hash_of_examples(run.data.train.examples)},
                                       {"evaluation rows", hash_of_examples(run.data.evaluation)}}};
    if (!asked.adapter.empty()) identity.inputs.emplace_back("adapter", hash_of_adapter(asked.adapter));
    if (run.data.tokenizer && run.model->has("tokenizer.json"))
        identity.inputs.emplace_back("tokenizer", hash_text(xxh3(run.model->text("tokenizer.json", kMostBytes))));
    for (auto& [name, value] : identity.settings)
        if (name == "dtype" && asked.dtype != "auto" && asked.dtype != value)
            value = fmt::format("{} in {}", asked.dtype, value);
    return identity;
}

// Every evaluation but the last has to be where a checkpoint is, or the best one may be of weights that are gone.
void expect_best_is_saved(const TrainOptions& options) {
    const std::string& saved = options.save.save_strategy;
    const std::string evaluated = options.loop.eval_strategy == "steps" ? "steps" : "epoch";   // auto: epoch
    if (saved == "best") return;
    const int64_t interval = options.loop.eval_steps > 0 ? options.loop.eval_steps : options.loop.logging_steps;
    const bool in_step = saved == evaluated && (saved != "steps" || options.save.save_steps % interval == 0);
    if (!in_step)
        throw UserError("USAGE", "--load-best-model-at-end", "", "checkpoints are not made where evaluations are",
                        "give --save-strategy best, or both strategies alike and --save-steps a multiple of "
                        "--eval-steps");
}

void expect_evaluation(const TrainOptions& options, const TrainData& data) {
    const std::string& strategy = options.loop.eval_strategy;
    if (data.evaluation.empty() && (strategy == "steps" || strategy == "epoch"))
        throw UserError("USAGE", "--eval-strategy", strategy, "there is nothing to evaluate",
                        "give --eval-dataset or --eval-split, or leave it out");
    const bool wanted = options.save.save_strategy == "best" || options.save.load_best_model_at_end ||
                        options.loop.early_stopping_patience > 0;
    if (wanted && (data.evaluation.empty() || options.loop.eval_strategy == "no"))
        throw UserError("USAGE", "--eval-strategy", "", "the best evaluation is asked for, and nothing is evaluated",
                        "give --eval-dataset or --eval-split, or leave out --save-strategy best, "
                        "--load-best-model-at-end and --early-stopping-patience");
    if (!data.evaluation.empty() && strategy == "no")
        log::note("the rows for evaluation are never scored: --eval-strategy is no");
    if (options.save.load_best_model_at_end) expect_best_is_saved(options);
}

void expect_before_end(const ResumePoint& from, int64_t steps) {
    if (from.state.loop.step <= steps) return;
    throw UserError("STATE", from.checkpoint.path.string(), "step",
                    fmt::format("is {}, this run ends at {}", from.state.loop.step, steps),
                    "raise --max-steps or --num-train-epochs, or give --resume never");
}

bool has_ended(const RunState& state, const LoopOptions& loop, int64_t steps) {
    return !state.loop.pending && (state.loop.step == steps || state.best.out_of(loop.early_stopping_patience));
}

}   // namespace

double PreparedRun::learning_rate(int64_t step) const {
    return llmft::learning_rate(schedule, *schedule.learning_rate, step, steps);
}

PreparedRun prepare_run(TrainOptions& options, const Flags& flags, const Path& output) {
    PreparedRun run;
    run.model = open_model(options.model.model);
    run.config = read_model_config(*run.model);
    run.weights = run.model->weights();
    const ModelOptions asked = options.model;
    options.resolve(run.config);
    run.method = &method(options.method.method);
    run.tuning = run.method->make(method_request(options));
    run.data = read_train_data(options, *run.model, run.config);
    expect_evaluation(options, run.data);
    run.steps = total_steps({.rows = static_cast<int64_t>(run.data.train.examples.size()),
                             .batch = options.batch.per_device_train_batch_size,
                             .accumulation = options.batch.gradient_accumulation_steps,
                             .epochs = options.loop.num_train_epochs,
                             .max_steps = options.loop.max_steps});
    run.schedule = options.schedule;
    run.learning_rate(0);   // refuses a schedule that cannot be
    run.identity = identify(flags, asked, run);
    run.from = find_resume_point(output, options.save.resume);
    PlanRequest request = plan_request(options, run.config, *run.tuning, run.data.shape);
    if (run.from) {
        const std::vector<std::string> changed = expect_same_run(run.from->checkpoint, run.identity);
        expect_before_end(*run.from, run.steps);
        run.ended = has_ended(run.from->state, options.loop, run.steps);
        for (const std::string& line : changed)
            log::note(fmt::format("{}: {}{}", run.from->checkpoint.path.string(), line,
                                  run.ended ? "; no step is left that it could change" : " from here on"));
        // Another grouping of the same examples would sum in another order: other bits.
        if (request.tokens_per_microbatch == 0) request.tokens_per_microbatch = planned_tokens(run.from->checkpoint);
    }
    run.chosen = choose_plan(request);
    run.identity.tokens_per_microbatch = run.chosen.shape.tokens;
    expect_fits(run.chosen, request.limit_bytes);
    return run;
}

}   // namespace llmft
