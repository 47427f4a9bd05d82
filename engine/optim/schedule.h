// The learning rate as a pure function of the 0-based optimizer step: resuming needs no state. Names, defaults and
// formulas are those of transformers.get_scheduler; step 0 of a schedule with warm-up is therefore 0 in most of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace llmft {

struct ScheduleOptions {
    std::optional<double> learning_rate;   // the peak; without it the method's default
    std::string lr_scheduler_type = "cosine";
    std::optional<int64_t> warmup_steps;
    double warmup_ratio = 0;
    // What some kinds ask for beside:
    std::optional<double> num_cycles;
    double lr_end = 1e-7;
    double power = 1;
    std::optional<int64_t> timescale;
    std::optional<double> min_lr, min_lr_rate;
    std::optional<double> warmup_lr_rate;
    std::optional<int64_t> num_decay_steps, num_stable_steps;
    std::string warmup_type = "linear";
    std::string decay_type = "cosine";
    double min_lr_ratio = 0;

    template <class V>
    void visit(V&& v) {
        v.group("schedule");
        v("learning-rate", learning_rate, "the peak (2e-4 for adapters, 2e-5 for full fine-tuning)", {.above = 0});
        v("lr-scheduler-type", lr_scheduler_type, "shape over the steps",
          {.one_of = "linear|cosine|cosine_with_restarts|polynomial|constant|constant_with_warmup|inverse_sqrt|"
                     "cosine_with_min_lr|cosine_warmup_with_min_lr|warmup_stable_decay"});
        v("warmup-steps", warmup_steps, "steps from 0 to the peak; wins over warmup-ratio", {.at_least = 0});
        v("warmup-ratio", warmup_ratio, "the same as a share of all steps", {.at_least = 0, .at_most = 1});
        constexpr auto kCosines =
            "lr-scheduler-type=cosine|cosine_with_restarts|cosine_with_min_lr|"
            "cosine_warmup_with_min_lr";
        constexpr auto kMinima = "lr-scheduler-type=cosine_with_min_lr|cosine_warmup_with_min_lr";
        constexpr auto kStable = "lr-scheduler-type=warmup_stable_decay";
        v("lr-num-cycles", num_cycles, "cosine kinds: waves (0.5; cosine_with_restarts: 1)",
          {.at_least = 0, .needs = kCosines});
        v("lr-end", lr_end, "polynomial: learning rate at the end",
          {.at_least = 0, .needs = "lr-scheduler-type=polynomial"});
        v("lr-power", power, "polynomial: exponent", {.above = 0, .needs = "lr-scheduler-type=polynomial"});
        v("lr-timescale", timescale, "inverse_sqrt: time scale in steps (the warm-up, or 10000)",
          {.above = 0, .needs = "lr-scheduler-type=inverse_sqrt"});
        v("min-lr", min_lr, "cosine kinds with a minimum: the minimum", {.at_least = 0, .needs = kMinima});
        v("min-lr-rate", min_lr_rate, "the same as a share of the peak",
          {.at_least = 0, .at_most = 1, .needs = kMinima});
        v("warmup-lr-rate", warmup_lr_rate, "cosine_warmup_with_min_lr: share of the peak at step 0",
          {.at_least = 0, .at_most = 1, .needs = "lr-scheduler-type=cosine_warmup_with_min_lr"});
        v("lr-decay-steps", num_decay_steps, "warmup_stable_decay: steps of decay (required there)",
          {.at_least = 0, .needs = kStable});
        v("lr-stable-steps", num_stable_steps, "warmup_stable_decay: steps at the peak (what remains)",
          {.at_least = 0, .needs = kStable});
        v("lr-warmup-type", warmup_type, "warmup_stable_decay: shape of the warm-up",
          {.one_of = "linear|cosine|1-sqrt", .needs = kStable});
        v("lr-decay-type", decay_type, "warmup_stable_decay: shape of the decay",
          {.one_of = "linear|cosine|1-sqrt", .needs = kStable});
        v("min-lr-ratio", min_lr_ratio, "warmup_stable_decay: minimum as a share of the peak",
          {.at_least = 0, .at_most = 1, .needs = kStable});
    }
};

// The learning rate of the step with this 0-based index, of total_steps. Throws UserError USAGE that names the flag for
// what the options' own limits do not catch: an unknown kind, one that follows a metric, options that contradict each
// other. Every step of a run throws or none does.
double learning_rate(const ScheduleOptions&, double peak, int64_t step, int64_t total_steps);

int64_t warmup_steps(const ScheduleOptions&, int64_t total_steps);

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
