#include "engine/train/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/train/nonfinite.h"

namespace llmft {
namespace {

// Processors make NaNs with either sign, and printing tells them apart.
double plain_nan(double value) {
    return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

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

void begin_step(const TrainerParts& parts, int64_t step, Run& run) {
    const Profile::Range range(run.profile, "step");
    parts.method.before_step(step, run);
}

// The window's loss and gradient, and the update where both are finite: the optimizer never runs on a bad loss, and its
// kernel changes nothing under a bad gradient.
StepRecord take_step(const TrainerParts& parts, const TrainerPlan& plan, const Window& window, const LoopState& state,
                     Run& run) {
    parts.rng.step = static_cast<uint32_t>(state.step);
    begin_step(parts, state.step, run);
    const Sums sums = accumulate(parts, window, run);
    const Profile::Range range(run.profile, "step");
    const auto count = static_cast<double>(sums.tokens);
    StepRecord record;
    record.step = state.step + 1;
    record.epoch = window.epoch;
    record.loss = plain_nan(sums.loss / count);
    record.learning_rate = plan.learning_rate(state.step);
    record.mean_token_accuracy = sums.correct / count;
    parts.scale.measure(parts.model.parameters().grads(), count, plan.max_grad_norm, run);
    parts.method.after_grads(state.step, run);
    if (std::isfinite(record.loss))
        parts.optimizer.step(
            {.lr = record.learning_rate, .step = state.step + 1 - state.skipped, .grad_scale = parts.scale.factor()},
            run);
    record.grad_norm = parts.scale.norm(run);
    return record;
}

// Finite weights can lie where no loss is: the step that led there looked like any other.
void expect_finite_evaluation(const TrainerPlan& plan, const StepRecord& record, LoopState& state) {
    if (plan.on_nan != OnNan::kStop || !record.eval_loss || std::isfinite(*record.eval_loss)) return;
    state.weights = LoopState::Weights::kBroken;
    throw NumericalError(
        fmt::format("step {}: the loss of the evaluation is {} with its weights; nothing of this step "
                    "is saved: lower --learning-rate, or look at the rows for evaluation",
                    record.step, std::isnan(*record.eval_loss) ? "NaN" : "infinite"));
}

// Where the last steps of a run were all left out there is nothing left to learn with, or from.
void expect_end_with_steps(const LoopState& state) {
    constexpr int64_t kFew = 2;
    if (state.skipped_in_a_row < kFew) return;
    throw NumericalError(
        fmt::format("the last {} steps of the run were all skipped: go on from an older checkpoint with "
                    "a lower --learning-rate, or look at their rows",
                    state.skipped_in_a_row));
}

bool is_finite(const StepRecord& record) {
    return std::isfinite(record.loss) && std::isfinite(record.grad_norm);
}

// A step that was not taken: its place is known to the record, or the run ends here.
void skip_step(const TrainerParts& parts, const TrainerPlan& plan, const Window& window, StepRecord& record,
               LoopState& state, Run& run) {
    const std::string found = find_nonfinite(parts, window, run);
    if (plan.on_nan == OnNan::kStop)
        throw NumericalError(
            fmt::format("step {}: {}; the step was not taken: look at these rows, lower "
                        "--learning-rate, or give --on-nan skip",
                        record.step, found));
    if (state.skipped_in_a_row >= plan.most_skips)
        throw NumericalError(
            fmt::format("step {}: {}; {} steps in a row were skipped before it: look at these rows or "
                        "lower --learning-rate",
                        record.step, found, state.skipped_in_a_row));
    record.skipped = found;
    ++state.skipped;
    ++state.skipped_in_a_row;
}

void expect_finite_weights(const TrainerParts& parts, const StepRecord& record, LoopState& state, Run& run) {
    const Profile::Range range(run.profile, "step");
    const Tensor values = parts.model.parameters().values();
    if (parts.scale.all_finite(values, run)) return;
    state.weights = LoopState::Weights::kBroken;
    const Parameter* broken = first_nonfinite_of(parts, values, run);
    throw NumericalError(
        fmt::format("step {}: its update made {} not finite; nothing of this step is saved: lower "
                    "--learning-rate",
                    record.step, broken != nullptr ? broken->name : "the weights"));
}

// The evaluation that is due after the record's step, if any; false where a request to stop cut it short.
bool evaluate_after(const TrainerParts& parts, const TrainerPlan& plan, const TrainerEvents& events, StepRecord& record,
                    Run& run) {
    if (!plan.evaluate_after || !plan.evaluate_after(record.step)) return true;
    parts.rng.step = static_cast<uint32_t>(record.step - 1);   // also where a resumed run begins with this evaluation
    const auto sums = evaluate(parts, *plan.evaluation, events.stop_requested, run);
    if (!sums) return false;
    record.eval_loss = plain_nan(sums->loss / static_cast<double>(sums->tokens));
    record.eval_mean_token_accuracy = sums->correct / static_cast<double>(sums->tokens);
    record.eval_num_tokens = sums->tokens;
    return true;
}

}   // namespace

std::optional<Sums> evaluate(const TrainerParts& parts, const std::vector<HostBatch>& batches,
                             const std::function<bool()>& stop_requested, Run& run) {
    const Profile::Range range(run.profile, "evaluation");
    parts.method.before_step(parts.rng.step, run);
    for (const HostBatch& host : batches) {
        if (stop_requested && stop_requested()) {
            parts.model.take_sums(run);
            return std::nullopt;
        }
        parts.model.evaluate(parts.slots.upload(host, run), run);
    }
    return parts.model.take_sums(run);
}

TrainEnd train(const TrainerParts& parts, const TrainerPlan& plan, const BatchSource& source,
               const TrainerEvents& events, LoopState& state, Run& run) {
    using Clock = std::chrono::steady_clock;
    while (state.pending || state.step < plan.total_steps) {
        if (!state.pending) {
            const auto start = Clock::now();
            const Window window = source.window(state.step);
            StepRecord record = take_step(parts, plan, window, state, run);
            if (is_finite(record)) {
                expect_finite_weights(parts, record, state, run);
                state.skipped_in_a_row = 0;
            } else {
                skip_step(parts, plan, window, record, state, run);
            }
            const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
            record.step_ms = 1000 * seconds;
            record.num_tokens = state.num_tokens += window.input_tokens;
            record.tokens_per_second = static_cast<double>(window.input_tokens) / seconds;
            state.step = record.step;
            state.pending = record;
        }
        if (!evaluate_after(parts, plan, events, *state.pending, run)) return TrainEnd::kStopped;
        expect_finite_evaluation(plan, *state.pending, state);
        events.on_step(*std::exchange(state.pending, std::nullopt));
        if (state.step < plan.total_steps && events.stop_requested()) return TrainEnd::kStopped;
    }
    expect_end_with_steps(state);
    return TrainEnd::kDone;
}

}   // namespace llmft
