// The learning rate as a pure function of the 0-based optimizer step: resuming needs no state. Names, defaults and
// formulas are those of transformers.get_scheduler; step 0 of a schedule with warm-up is therefore 0 in most of them.
#pragma once

#include <cstdint>
#include <string>

namespace llmft {

struct ScheduleOptions {
    double learning_rate = 0;   // the peak; 0: the caller's default for its method
    std::string lr_scheduler_type = "cosine";
    int64_t warmup_steps = 0;
    double warmup_ratio = 0;
    // What some kinds ask for beside: −1 stands for "not given".
    double num_cycles = -1;
    double lr_end = 1e-7;
    double power = 1;
    int64_t timescale = -1;
    double min_lr = -1;
    double min_lr_rate = -1;
    double warmup_lr_rate = -1;
    int64_t num_decay_steps = -1;
    int64_t num_stable_steps = -1;
    std::string warmup_type = "linear";
    std::string decay_type = "cosine";
    double min_lr_ratio = 0;

    template <class V>
    void visit(V&& v) {
        v.group("schedule");
        v("learning-rate", learning_rate, "the peak (0: 2e-4 for adapters, 2e-5 for full fine-tuning)");
        v("lr-scheduler-type", lr_scheduler_type, "shape over the steps, by Hugging Face's names");
        v("warmup-steps", warmup_steps, "steps from 0 to the peak");
        v("warmup-ratio", warmup_ratio, "the same as a share of all steps; warmup-steps wins");
        v("lr-num-cycles", num_cycles, "cosine kinds: waves (-1: the kind's default)");
        v("lr-end", lr_end, "polynomial: learning rate at the end");
        v("lr-power", power, "polynomial: exponent");
        v("lr-timescale", timescale, "inverse_sqrt: time scale in steps (-1: the warm-up, or 10000)");
        v("min-lr", min_lr, "cosine kinds with a minimum: the minimum (-1: not given)");
        v("min-lr-rate", min_lr_rate, "the same as a share of the peak (-1: not given)");
        v("warmup-lr-rate", warmup_lr_rate, "cosine_warmup_with_min_lr: first share of the peak (-1: not given)");
        v("lr-decay-steps", num_decay_steps, "warmup_stable_decay: steps of decay (required there)");
        v("lr-stable-steps", num_stable_steps, "warmup_stable_decay: steps at the peak (-1: what remains)");
        v("lr-warmup-type", warmup_type, "warmup_stable_decay: linear, cosine, 1-sqrt");
        v("lr-decay-type", decay_type, "warmup_stable_decay: linear, cosine, 1-sqrt");
        v("min-lr-ratio", min_lr_ratio, "warmup_stable_decay: minimum as a share of the peak");
    }
};

enum class ScheduleKind : uint8_t {
    kLinear,
    kCosine,
    kCosineWithRestarts,
    kPolynomial,
    kConstant,
    kConstantWithWarmup,
    kInverseSqrt,
    kCosineWithMinLr,
    kCosineWarmupWithMinLr,
    kWarmupStableDecay,
};
enum class RampShape : uint8_t { kLinear, kCosine, kOneMinusSqrt };

class Schedule {
public:
    // UserError USAGE that names the flag: an unknown kind, a kind that follows a metric, options that contradict each
    // other.
    Schedule(const ScheduleOptions&, int64_t total_steps);

    double operator()(int64_t step) const;   // the learning rate of the step with this 0-based index
    int64_t warmup_steps() const { return warmup_; }

private:
    double share(int64_t step) const;   // of the peak
    double ramp(int64_t step) const;    // warm-up of the three kinds that have their own and of all others
    double after_warmup(int64_t step) const;
    double stable_then_decay(int64_t step) const;

    ScheduleKind kind_;
    double peak_;
    int64_t total_, warmup_, timescale_, decay_, stable_;
    double cycles_, lr_end_, power_, least_, warmup_start_;
    RampShape warmup_shape_, decay_shape_;
};

struct StepCount {
    int64_t rows;    // examples of an epoch
    int64_t batch;   // examples that all ranks take in one accumulation step
    int64_t accumulation;
    double epochs;
    int64_t max_steps;   // > 0 overrides the epochs
};
// Optimizer steps of a run. The shorter last window of an epoch makes a step too.
int64_t total_steps(const StepCount&);
// Optimizer steps of one epoch, at least 1.
int64_t steps_per_epoch(const StepCount&);

}   // namespace llmft
