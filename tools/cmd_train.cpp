// train: plan → load → train → save. The reading path starts here.
#include <fmt/format.h>

#include <cstdio>

#include "engine/log/log.h"
#include "engine/log/metrics.h"
#include "engine/log/progress.h"
#include "model/load.h"
#include "tools/cmd.h"
#include "tools/open_model.h"
#include "tools/output_folder.h"
#include "tools/signals.h"
#include "tools/train_report.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

struct OutputOptions {
    std::string output_dir;
    bool profile = false;

    template <class V>
    void visit(V&& v) {
        v.group("output");
        v("output-dir", output_dir, "where the adapter or model, metrics.jsonl and run.toml go");
        v("profile", profile, "time every op and print the table at the end");
    }
};

std::function<bool(int64_t)> evaluation_rule(const LoopOptions& loop, const BatchSource& source, int64_t steps) {
    if (loop.eval_strategy == "no") return nullptr;
    const int64_t interval = loop.eval_strategy != "steps" ? source.windows_per_epoch()
                             : loop.eval_steps > 0         ? loop.eval_steps
                                                           : loop.logging_steps;
    return [interval, steps](int64_t step) { return step % interval == 0 || step == steps; };
}

std::vector<HostBatch> evaluation_batches(const std::vector<Example>& examples, int64_t tokens) {
    std::vector<HostBatch> batches;
    const EvaluationSource source(examples, tokens);
    for (int64_t i = 0; i < source.micro_batches(); ++i) batches.push_back(source.micro_batch(i));
    return batches;
}

}   // namespace

int cmd_train(const std::vector<std::string>& arguments) {
    TrainOptions options;
    OutputOptions output;
    Flags flags("train", "fine-tunes a model: writes an adapter or a model, metrics and the run's settings");
    options.declare(flags);
    flags.add(output);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "dataset", "output-dir"});
    options.validate();
    options.adopt_adapter(flags);

    // plan
    const auto model = open_model(options.model.model);
    const ModelConfig config = read_model_config(*model);
    const auto weights = model->weights();
    const MethodEntry& entry = method(options.method.method);
    const auto tuning = entry.make(method_request(options));
    const TrainData data = read_train_data(options, *model, config);
    const PlanRequest request =
        plan_request(options, config, *tuning, data.shape.longest_example, data.shape.window_tokens_bound);
    const ChosenPlan chosen = choose_plan(request);
    expect_fits(chosen, request.limit_bytes);
    expect_output_folder(output.output_dir, options.model.model,
                         options.method.method == "full" ? ResultKind::kModel : ResultKind::kAdapter);

    // load
    SessionShape shape = chosen.shape;
    if (output.profile) shape.clock = Profile::Clock::kOn;
    Session session(options.model.make_device(), chosen.plan.peak_bytes, config, shape, *tuning);
    Run run = session.run();
    load_weights(session.model(), *weights, run);
    tuning->initialise(session.model(), run);

    // train
    const Loader loader(data.train.examples,
                        {.examples_per_batch = options.batch.per_device_train_batch_size,
                         .batches_per_window = options.batch.gradient_accumulation_steps,
                         .tokens_per_microbatch = chosen.shape.tokens,
                         .order = options.data.shuffle ? ExampleOrder::kShuffled : ExampleOrder::kFile,
                         .seed = options.data.data_seed.value_or(options.loop.seed)});
    const std::vector<HostBatch> evaluation = evaluation_batches(data.evaluation, chosen.shape.tokens);
    const int64_t steps = total_steps({.rows = static_cast<int64_t>(data.train.examples.size()),
                                       .batch = options.batch.per_device_train_batch_size,
                                       .accumulation = options.batch.gradient_accumulation_steps,
                                       .epochs = options.loop.num_train_epochs,
                                       .max_steps = options.loop.max_steps});
    const double peak_rate = options.schedule.learning_rate.value_or(entry.learning_rate);
    const TrainerPlan plan = {
        .total_steps = steps,
        .max_grad_norm = options.loop.max_grad_norm,
        .learning_rate = [&](int64_t step) { return learning_rate(options.schedule, peak_rate, step, steps); },
        .evaluate_after = evaluation.empty() ? nullptr : evaluation_rule(options.loop, loader, steps),
        .evaluation = &evaluation};
    plan.learning_rate(0);   // refuses a schedule that cannot be
    install_stop_signals();
    create_output_folder(output.output_dir, flags.run_file());
    MetricsWriter metrics(Path(output.output_dir) / "metrics.jsonl");
    log::release();
    print_start(options, config, data, chosen, steps);
    TrainSummary summary;
    TrainEnd end = TrainEnd::kDone;
    {
        Progress progress(steps, options.loop.logging_steps);
        const TrainerEvents events = {.on_step =
                                          [&](const StepRecord& record) {
                                              metrics.write(record);
                                              progress.step(record);
                                              summary.add(record);
                                          },
                                      .stop_requested = stop_requested};
        end = train(session.parts(), plan, loader, events, run);
    }

    // save
    tuning->save(session.model(), {.base = *model, .output = output.output_dir}, run);
    copy_tokenizer_files(*model, output.output_dir);
    if (output.profile) fmt::print("{}\n", op_table(session.profile().rows()));
    print_end(options, output.output_dir, summary, end);
    return static_cast<int>(end == TrainEnd::kStopped ? ExitCode::kStopped : ExitCode::kDone);
}

}   // namespace llmft
