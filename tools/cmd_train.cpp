// train: plan → load → train → save. The reading path starts here.
#include <fmt/format.h>

#include <cstdio>

#include "engine/log/log.h"
#include "model/load.h"
#include "tools/cmd.h"
#include "tools/output_folder.h"
#include "tools/prepared_run.h"
#include "tools/report/write_report.h"
#include "tools/signals.h"
#include "tools/step_limit.h"
#include "tools/train_loop.h"

namespace llmft {
namespace {

struct OutputOptions {
    std::string output_dir;
    bool profile = false;

    template <class V>
    void visit(V&& v) {
        v.group("output");
        v("output-dir", output_dir, "where the adapter or model, checkpoints, metrics.jsonl and run.toml go");
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

RunInputs inputs_of(const TrainOptions& options) {
    RunInputs inputs = {.model = options.model.model,
                        .adapter = options.model.adapter,
                        .rows = split_file_list(options.data.dataset, "--dataset")};
    if (!options.data.eval_dataset.empty())
        for (const std::string& file : split_file_list(options.data.eval_dataset, "--eval-dataset"))
            inputs.rows.push_back(file);
    return inputs;
}

void expect_room_for_run(const TrainOptions& options, const PreparedRun& prepared, const Path& output,
                         const TrainedState& trained) {
    const DType dtype = options.method.method == "full" ? prepared.chosen.shape.dtype : DType::kF32;
    if (options.save.save_strategy == "no" || prepared.ended)
        expect_room_for_output(output, trained.parameters.count() * size_bytes(dtype), "the result");
    else
        expect_room_for_output(output, 2 * checkpoint_bytes(trained), "a checkpoint beside one");
}

RunResult train_run(const TrainOptions& options, const PreparedRun& prepared, Session& session,
                    Checkpointer& checkpoints, MetricsWriter& metrics, EventWriter* events, RunState& state) {
    const Loader loader(prepared.data.train.examples,
                        {.examples_per_batch = options.batch.per_device_train_batch_size,
                         .batches_per_window = options.batch.gradient_accumulation_steps,
                         .tokens_per_microbatch = prepared.chosen.shape.tokens,
                         .order = options.data.shuffle ? ExampleOrder::kShuffled : ExampleOrder::kFile,
                         .seed = options.data.data_seed.value_or(options.loop.seed)});
    const std::vector<HostBatch> evaluation =
        evaluation_batches(prepared.data.evaluation, prepared.chosen.shape.tokens);
    const TrainerPlan plan = {
        .total_steps = prepared.steps,
        .on_nan = options.loop.on_nan == "skip" ? OnNan::kSkip : OnNan::kStop,
        .most_skips = options.loop.max_nan_skips,
        .max_grad_norm = options.loop.max_grad_norm,
        .learning_rate = [&](int64_t step) { return prepared.learning_rate(step); },
        .evaluate_after = evaluation.empty() ? nullptr : evaluation_rule(options.loop, loader, prepared.steps),
        .evaluation = &evaluation};
    return run_train_loop({.options = options,
                           .session = session,
                           .plan = plan,
                           .source = loader,
                           .checkpoints = checkpoints,
                           .metrics = metrics,
                           .events = events,
                           .limit_tokens_per_second = limit_tokens_per_second(
                               prepared.chosen.plan, prepared.data.shape,
                               measured_gflops(session.run().device.gemm_engine(), prepared.chosen.shape.dtype))},
                          state, prepared.records_before());
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
    options.adopt_intervals(flags);

    // plan
    const PreparedRun prepared = prepare_run(options, flags, output.output_dir);
    expect_output_folder(output.output_dir, inputs_of(options),
                         options.method.method == "full" ? ResultKind::kModel : ResultKind::kAdapter);

    // load
    SessionShape shape = prepared.chosen.shape;
    if (output.profile) shape.clock = Profile::Clock::kOn;
    Session session(options.model.make_device(), prepared.chosen.plan.peak_bytes, prepared.config, shape,
                    *prepared.tuning);
    Run run = session.run();
    load_weights(session.model(), *prepared.weights, run);
    prepared.tuning->initialise(session.model(), run);
    if (prepared.from) read_training_state(prepared.from->checkpoint.path, session.trained(), run);

    // train
    expect_room_for_run(options, prepared, output.output_dir, session.trained());
    install_stop_signals();
    const OutputFolder folder(output.output_dir);
    MetricsWriter metrics = prepare_output(output.output_dir, prepared.from, flags.run_file(),
                                           prepared.ended ? RunFile::kKeep : RunFile::kWrite);
    std::optional<EventWriter> events;
    if (options.report.to("tensorboard")) events.emplace(output.output_dir, prepared.records_before());
    log::release();
    print_start(options, prepared);
    const auto save_result = [&](const Path& to) {
        prepared.tuning->save(session.model(), {.base = *prepared.model, .output = to}, run);
        copy_tokenizer_files(*prepared.model, to);
    };
    Checkpointer checkpoints({.options = options.save,
                              .output = output.output_dir,
                              .identity = prepared.identity,
                              .trained = session.trained(),
                              .save_result = save_result,
                              .metrics = metrics},
                             prepared.from, run);
    const auto report = [&](const RunResult& result) {
        metrics.sync();
        if (events) events->sync();
        if (options.report.to("html"))
            write_report({.options = options,
                          .flags = flags,
                          .prepared = prepared,
                          .result = result,
                          .output_dir = output.output_dir,
                          .session = session});
    };
    RunState state = prepared.first_state();
    RunResult result;
    try {
        result = train_run(options, prepared, session, checkpoints, metrics, events ? &*events : nullptr, state);
    } catch (const NumericalError&) {
        try {
            report({.end = RunEnd::kNotFinite});
        } catch (const std::exception& error) {
            log::warn(fmt::format("report.html could not be written: {}", error.what()));
        }
        throw;
    }

    // save
    const bool stopped = result.end == RunEnd::kStopped;
    if (!stopped && options.save.load_best_model_at_end) result.kept_step = checkpoints.load_best(state);
    // On request to stop there may be little time, and a whole model takes long; it is in the checkpoint.
    if (!stopped || options.method.method != "full") save_result(output.output_dir);
    report(result);
    if (!stopped) seal_folder(output.output_dir, "result");
    if (output.profile) fmt::print("{}\n", op_table(session.profile().rows()));
    print_end(options, prepared, output.output_dir, result);
    return static_cast<int>(stopped ? ExitCode::kStopped : ExitCode::kDone);
}

}   // namespace llmft
