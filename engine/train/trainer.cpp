#include "engine/train/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

namespace llmft {
namespace {

// One rank has nobody to send gradients to while the backward runs.
class NoSink final : public GradSink {
public:
    void ready(Range) override {}
};

// Gradients and losses of one window, as sums.
Sums accumulate(const TrainerParts& parts, const Window& window, Run& run) {
    NoSink sink;
    run.device.zero(parts.model.parameters().grads(), run.stream);
    for (const HostBatch& host : window.micro_batches)
        parts.model.forward_backward(parts.slots.upload(host, run), sink, run);
    const Profile::Range range(run.profile, "step");
    parts.comm.all_reduce_sum(parts.model.parameters().grads(), run);
    return parts.model.take_sums(run);
}

// The optimizer never runs on a bad loss, and its kernel changes nothing under a bad gradient.
void expect_finite(int64_t step, const char* what, double value) {
    if (std::isfinite(value)) return;
    throw NumericalError(
        fmt::format("step {}: the {} is {}; the step was not taken; lower --learning-rate or look at its rows",
                    step + 1, what, std::isnan(value) ? "NaN" : "infinite"));
}

StepRecord take_step(const TrainerParts& parts, const TrainerPlan& plan, const Window& window, int64_t step, Run& run) {
    parts.rng.step = static_cast<uint32_t>(step);
    parts.method.before_step(step, run);
    const Sums sums = accumulate(parts, window, run);
    const Profile::Range range(run.profile, "step");
    const auto count = static_cast<double>(sums.tokens);
    expect_finite(step, "loss", sums.loss / count);
    parts.scale.measure(parts.model.parameters().grads(), count, plan.max_grad_norm, run);
    parts.method.after_grads(step, run);
    const double lr = plan.learning_rate(step);
    parts.optimizer.step({.lr = lr, .step = step + 1, .grad_scale = parts.scale.factor()}, run);

    StepRecord record;
    record.step = step + 1;
    record.epoch = window.epoch;
    record.loss = sums.loss / count;
    record.grad_norm = parts.scale.norm(run);
    expect_finite(step, "gradient norm", record.grad_norm);
    record.learning_rate = lr;
    record.mean_token_accuracy = sums.correct / count;
    return record;
}

}   // namespace

Sums evaluate(const TrainerParts& parts, const std::vector<HostBatch>& batches, Run& run) {
    const Profile::Range range(run.profile, "evaluation");
    parts.method.before_step(parts.rng.step, run);
    for (const HostBatch& host : batches) parts.model.evaluate(parts.slots.upload(host, run), run);
    return parts.model.take_sums(run);
}

TrainEnd train(const TrainerParts& parts, const TrainerPlan& plan, const BatchSource& source,
               const TrainerEvents& events, Run& run) {
    using Clock = std::chrono::steady_clock;
    int64_t num_tokens = 0;
    for (int64_t step = 0; step < plan.total_steps; ++step) {
        const auto start = Clock::now();
        const Window window = source.window(step);
        StepRecord record = take_step(parts, plan, window, step, run);
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        record.step_ms = 1000 * seconds;
        record.num_tokens = num_tokens += window.input_tokens;
        record.tokens_per_second = static_cast<double>(window.input_tokens) / seconds;
        if (plan.evaluate_after && plan.evaluate_after(step + 1)) {
            const Sums sums = evaluate(parts, *plan.evaluation, run);
            record.eval_loss = sums.loss / static_cast<double>(sums.tokens);
            record.eval_mean_token_accuracy = sums.correct / static_cast<double>(sums.tokens);
            record.eval_num_tokens = sums.tokens;
        }
        events.on_step(record);
        if (step + 1 < plan.total_steps && events.stop_requested()) return TrainEnd::kStopped;
    }
    return TrainEnd::kDone;
}

}   // namespace llmft
