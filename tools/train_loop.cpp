#include "tools/train_loop.h"

#include <fmt/format.h>

#include "engine/log/log.h"
#include "engine/log/progress.h"
#include "engine/train/spike.h"
#include "tools/signals.h"
#include "tools/terminal.h"

namespace llmft {
namespace {

class Loop {
public:
    Loop(const TrainLoopParts& parts, RunState& state, const std::vector<StepRecord>& records)
        : parts_(parts), state_(state) {
        for (const StepRecord& record : records) {
            result_.summary.add(record);
            if (!record.skipped) spikes_.add(record.loss);
        }
    }

    RunResult run() {
        Run run = parts_.session.run();
        try {
            Progress progress({.total_steps = parts_.plan.total_steps,
                               .logging_steps = parts_.options.loop.logging_steps,
                               .first = state_.loop.step,
                               .live = can_rewrite_lines(),
                               .limit_tokens_per_second = parts_.limit_tokens_per_second});
            progress_ = &progress;
            const TrainerEvents events = {.on_step = [this](const StepRecord& record) { on_step(record); },
                                          .stop_requested = [this] { return stop_requested() || out_of_patience(); }};
            if (state_.loop.pending || !out_of_patience())
                train(parts_.session.parts(), parts_.plan, parts_.source, events, state_.loop, run);
        } catch (const NumericalError& error) {
            throw NumericalError(error.what() + after_bad_step());
        }
        if (out_of_patience())
            result_.end = RunEnd::kEarly;
        else if (state_.loop.pending || state_.loop.step < parts_.plan.total_steps)
            result_.end = RunEnd::kStopped;
        if (result_.end == RunEnd::kStopped) save_if_new();
        if (state_.loop.pending) result_.summary.add(*state_.loop.pending);   // its evaluation is still to come
        parts_.checkpoints.rotate(state_);
        result_.newest_checkpoint = parts_.checkpoints.newest();
        return result_;
    }

private:
    bool out_of_patience() const { return state_.best.out_of(parts_.options.loop.early_stopping_patience); }

    void on_step(const StepRecord& record) {
        parts_.metrics.write(record);
        if (parts_.events != nullptr) parts_.events->write(record);
        progress_->step(record);
        result_.summary.add(record);
        warn_of(record);
        if (record.eval_loss) state_.best.add(record.step, *record.eval_loss);
        if (!due(record)) return;
        if (record.eval_loss) state_.best_saved.add(record.step, *record.eval_loss);
        parts_.checkpoints.save(state_);
    }

    void warn_of(const StepRecord& record) {
        if (record.skipped) return log::warn(fmt::format("step {} was skipped: {}", record.step, *record.skipped));
        if (const auto usual = spikes_.add(record.loss))
            log::warn(fmt::format(
                "step {}: the loss {} is far above {}", record.step, loss_figure(record.loss),
                spikes_.knows_usual() ? "the usual " + loss_figure(*usual) : "that of a model which knows nothing"));
        const bool still = record.grad_norm == 0 && record.loss > 0;
        if (still && !still_)
            log::warn(
                fmt::format("step {}: every gradient is 0, though there is a loss: nothing is learned any more; begin "
                            "anew, or go on from a checkpoint before it, with a lower --learning-rate",
                            record.step));
        still_ = still;
    }

    bool due(const StepRecord& record) const {
        const SaveOptions& save = parts_.options.save;
        if (save.save_strategy == "no") return false;
        if (save.save_strategy == "best") return state_.best.step == record.step;
        const int64_t interval = save.save_strategy == "steps" ? save.save_steps : parts_.source.windows_per_epoch();
        return record.step % interval == 0 || record.step == parts_.plan.total_steps || out_of_patience();
    }

    void save_if_new() {
        if (parts_.checkpoints.newest() != state_.loop.step) parts_.checkpoints.save(state_);
    }

    // The state before a bad step may be on its way to nowhere, though it is finite: the checkpoints before it stay.
    std::string after_bad_step() {
        const auto before = parts_.checkpoints.newest();
        const bool good = state_.loop.weights == LoopState::Weights::kGood && state_.loop.step > 0;
        if (good && parts_.options.save.save_strategy != "no" && before != state_.loop.step)
            parts_.checkpoints.save(state_, Checkpointer::Older::kStay);
        const auto newest = parts_.checkpoints.newest();
        if (!newest) return "";
        if (*newest != state_.loop.step) return fmt::format("; the newest checkpoint is checkpoint-{}", *newest);
        const auto older = parts_.checkpoints.before(*newest);
        return fmt::format(
            "; checkpoint-{} is the state before this step{}", *newest,
            older ? fmt::format(", --resume {} goes back further", older->string()) : ", --resume never begins anew");
    }

    const TrainLoopParts& parts_;
    RunState& state_;
    RunResult result_;
    SpikeWatch spikes_;
    bool still_ = false;             // the last step's gradients were all 0
    Progress* progress_ = nullptr;   // while the loop runs
};

}   // namespace

RunResult run_train_loop(const TrainLoopParts& parts, RunState& state, const std::vector<StepRecord>& records) {
    return Loop(parts, state, records).run();
}

}   // namespace llmft
