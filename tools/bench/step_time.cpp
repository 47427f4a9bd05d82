#include "tools/bench/step_time.h"

#include <chrono>

#include "data/loader.h"
#include "model/load.h"
#include "tools/bench/random_weights.h"

namespace llmft {
namespace {

std::vector<Example> random_rows(int64_t rows, int64_t tokens, int64_t vocabulary) {
    std::vector<Example> examples(static_cast<size_t>(rows));
    uint64_t state = 1;
    for (size_t row = 0; row < examples.size(); ++row) {
        examples[row].row = static_cast<int64_t>(row);
        for (int64_t t = 0; t < tokens; ++t) {
            state = state * 6364136223846793005u + 1442695040888963407u;   // Knuth's MMIX
            examples[row].ids.push_back(static_cast<int32_t>((state >> 33) % static_cast<uint64_t>(vocabulary)));
        }
        examples[row].labels = examples[row].ids;
    }
    return examples;
}

// What was added to each row since `before`: rows are only ever appended.
std::vector<Profile::Row> difference(std::vector<Profile::Row> after, const std::vector<Profile::Row>& before) {
    for (size_t i = 0; i < before.size(); ++i) {
        after[i].calls -= before[i].calls;
        after[i].cost.flops -= before[i].cost.flops;
        after[i].cost.bytes -= before[i].cost.bytes;
        after[i].seconds -= before[i].seconds;
    }
    std::erase_if(after, [](const Profile::Row& row) { return row.calls == 0; });
    return after;
}

}   // namespace

StepTimes time_steps(const TrainOptions& options, const ModelConfig& config, Tuning& tuning, const ChosenPlan& chosen,
                     int64_t warmup, int64_t steps) {
    const auto start = std::chrono::steady_clock::now();
    SessionShape shape = chosen.shape;
    shape.clock = Profile::Clock::kOn;
    Session session(options.model.make_device(), chosen.plan.peak_bytes, config, shape, tuning);
    Run run = session.run();
    load_weights(session.model(), RandomWeights(session.model().weight_targets()), run);
    tuning.initialise(session.model(), run);

    const int64_t batch = options.batch.per_device_train_batch_size,
                  accumulation = options.batch.gradient_accumulation_steps;
    const std::vector<Example> rows = random_rows(batch * accumulation, options.data.max_seq_length, config.vocab_size);
    const Loader loader(rows, {.examples_per_batch = batch,
                               .batches_per_window = accumulation,
                               .tokens_per_microbatch = shape.tokens,
                               .order = ExampleOrder::kFile,
                               .seed = 0});
    StepTimes times = {.tokens = batch * accumulation * options.data.max_seq_length,
                       .microbatches = static_cast<int64_t>(loader.window(0).micro_batches.size())};
    std::vector<Profile::Row> before;
    const auto on_step = [&](const StepRecord& record) {
        if (record.step == 1)
            times.first_step_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (record.step == warmup) before = session.profile().rows();
        if (record.step > warmup) times.seconds.push_back(record.step_ms / 1000);
    };
    LoopState state;
    const TrainerPlan plan = {.total_steps = warmup + steps,
                              .max_grad_norm = options.loop.max_grad_norm,
                              .learning_rate = [](int64_t) { return 1e-5; }};
    train(session.parts(), plan, loader, {.on_step = on_step, .stop_requested = [] { return false; }}, state, run);
    times.ops = difference(session.profile().rows(), before);
    return times;
}

}   // namespace llmft
