#include "engine/optim/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/base/error.h"

namespace llmft {
namespace {

enum class Kind : uint8_t {
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
enum class Ramp : uint8_t { kLinear, kCosine, kOneMinusSqrt };

constexpr std::array kKinds = {
    std::pair{"linear", Kind::kLinear},
    std::pair{"cosine", Kind::kCosine},
    std::pair{"cosine_with_restarts", Kind::kCosineWithRestarts},
    std::pair{"polynomial", Kind::kPolynomial},
    std::pair{"constant", Kind::kConstant},
    std::pair{"constant_with_warmup", Kind::kConstantWithWarmup},
    std::pair{"inverse_sqrt", Kind::kInverseSqrt},
    std::pair{"cosine_with_min_lr", Kind::kCosineWithMinLr},
    std::pair{"cosine_warmup_with_min_lr", Kind::kCosineWarmupWithMinLr},
    std::pair{"warmup_stable_decay", Kind::kWarmupStableDecay},
};

[[noreturn]] void refuse(std::string_view flag, std::string_view what, std::string_view remedy) {
    throw UserError("USAGE", flag, "", what, remedy);
}

Kind kind_of(const std::string& name) {
    constexpr std::string_view kFlag = "--lr-scheduler-type";
    if (name == "reduce_lr_on_plateau" || name == "greedy")
        refuse(kFlag, name + " follows a metric, which this build does not do", "use cosine or linear");
    const auto at = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return name == k.first; });
    if (at == kKinds.end()) refuse(kFlag, fmt::format("'{}' is unknown", name), "use one of those that --help names");
    return at->second;
}

Ramp ramp_of(std::string_view flag, const std::string& name) {
    if (name == "linear") return Ramp::kLinear;
    if (name == "cosine") return Ramp::kCosine;
    if (name == "1-sqrt") return Ramp::kOneMinusSqrt;
    refuse(flag, fmt::format("'{}' is unknown", name), "use linear, cosine or 1-sqrt");
}

// The minimum as a share of the peak; 0 for the kinds that have none.
double least_share(const ScheduleOptions& o, Kind kind, double peak) {
    if (kind == Kind::kWarmupStableDecay) return o.min_lr_ratio;
    if (kind != Kind::kCosineWithMinLr && kind != Kind::kCosineWarmupWithMinLr) return 0;
    if (o.min_lr.has_value() == o.min_lr_rate.has_value())
        refuse("--lr-scheduler-type", o.lr_scheduler_type + " takes one of --min-lr and --min-lr-rate",
               "give exactly one");
    return o.min_lr ? *o.min_lr / peak : *o.min_lr_rate;
}

// A run's schedule with everything decided that does not depend on the step.
struct Shape {
    Kind kind;
    double peak;
    int64_t total, warmup, decay, stable;
    double cycles, least;
    Ramp warmup_ramp, decay_ramp;
};

Shape shape_of(const ScheduleOptions& o, double peak, int64_t total) {
    if (!(peak > 0 && std::isfinite(peak)))
        refuse("--learning-rate", fmt::format("is {}", peak), "give a positive number");
    const Kind kind = kind_of(o.lr_scheduler_type);
    if (kind == Kind::kWarmupStableDecay && !o.num_decay_steps)
        refuse("--lr-decay-steps", "is missing", "warmup_stable_decay needs the number of decay steps");
    if (kind == Kind::kPolynomial && !(o.lr_end < peak))
        refuse("--lr-end", fmt::format("is {}, not below the peak {}", o.lr_end, peak), "give a smaller one");
    const int64_t warmup = warmup_steps(o, total), decay = o.num_decay_steps.value_or(0);
    const Shape shape = {.kind = kind,
                         .peak = peak,
                         .total = total,
                         .warmup = warmup,
                         .decay = decay,
                         .stable = o.num_stable_steps.value_or(total - warmup - decay),
                         .cycles = o.num_cycles.value_or(kind == Kind::kCosineWithRestarts ? 1.0 : 0.5),
                         .least = least_share(o, kind, peak),
                         .warmup_ramp = ramp_of("--lr-warmup-type", o.warmup_type),
                         .decay_ramp = ramp_of("--lr-decay-type", o.decay_type)};
    if (!(shape.least >= 0 && shape.least <= 1))
        refuse("--min-lr", fmt::format("is {} of the peak", shape.least), "give a minimum from 0 to the peak");
    return shape;
}

double as_real(int64_t x) {
    return static_cast<double>(x);
}
double at_least_one(int64_t x) {
    return as_real(std::max<int64_t>(1, x));
}
double cosine(double cycles, double progress) {
    return 0.5 * (1.0 + std::cos(M_PI * cycles * 2.0 * progress));
}

double warming_up(const ScheduleOptions& o, const Shape& s, int64_t step) {
    const double linear = as_real(step) / at_least_one(s.warmup);
    if (s.kind == Kind::kCosineWarmupWithMinLr) {
        if (!o.warmup_lr_rate) return as_real(step + 1) / at_least_one(s.warmup);
        return *o.warmup_lr_rate + (1.0 - *o.warmup_lr_rate) * as_real(step) / at_least_one(s.warmup - 1);
    }
    if (s.kind != Kind::kWarmupStableDecay) return linear;
    double share = linear;
    if (s.warmup_ramp == Ramp::kCosine) share = 0.5 * (1.0 - std::cos(M_PI * linear));
    if (s.warmup_ramp == Ramp::kOneMinusSqrt) share = 1.0 - std::sqrt(1.0 - linear);
    return share * (1.0 - s.least) + s.least;
}

double stable_then_decay(const Shape& s, int64_t step) {
    const int64_t into_decay = step - s.warmup - s.stable;
    if (into_decay < 0) return 1;
    if (into_decay >= s.decay) return s.least;
    const double progress = as_real(into_decay) / at_least_one(s.decay);
    double share = 1.0 - progress;
    if (s.decay_ramp == Ramp::kCosine) share = cosine(s.cycles, progress);
    if (s.decay_ramp == Ramp::kOneMinusSqrt) share = 1.0 - std::sqrt(progress);
    return share * (1.0 - s.least) + s.least;
}

double after_warmup(const ScheduleOptions& o, const Shape& s, int64_t step) {
    const double span = at_least_one(s.total - s.warmup);
    const double progress = as_real(step - s.warmup) / span;
    switch (s.kind) {
        case Kind::kConstant:
        case Kind::kConstantWithWarmup: return 1;
        case Kind::kLinear: return as_real(s.total - step) / span;
        case Kind::kCosine: return cosine(s.cycles, progress);
        case Kind::kCosineWithMinLr: return cosine(s.cycles, progress) * (1.0 - s.least) + s.least;
        case Kind::kCosineWarmupWithMinLr:
            return cosine(s.cycles, as_real(step - s.warmup + 1) / span) * (1.0 - s.least) + s.least;
        case Kind::kCosineWithRestarts:
            return progress >= 1 ? 0.0 : 0.5 * (1.0 + std::cos(M_PI * std::fmod(s.cycles * progress, 1.0)));
        case Kind::kPolynomial:
            if (step > s.total) return o.lr_end / s.peak;
            return ((s.peak - o.lr_end) * std::pow(1.0 - progress, o.power) + o.lr_end) / s.peak;
        case Kind::kInverseSqrt: {
            constexpr int64_t kTimescaleWithoutWarmup = 10'000;
            const int64_t timescale = o.timescale.value_or(s.warmup > 0 ? s.warmup : kTimescaleWithoutWarmup);
            return 1.0 / std::sqrt(as_real(step + timescale - s.warmup) / as_real(timescale));
        }
        case Kind::kWarmupStableDecay: return stable_then_decay(s, step);
    }
    throw InternalError("schedule of an unknown kind");
}

}   // namespace

double learning_rate(const ScheduleOptions& o, double peak, int64_t step, int64_t total_steps) {
    const Shape s = shape_of(o, peak, total_steps);
    if (s.kind == Kind::kConstant) return peak;
    return peak * std::max(0.0, step < s.warmup ? warming_up(o, s, step) : after_warmup(o, s, step));
}

int64_t warmup_steps(const ScheduleOptions& o, int64_t total_steps) {
    const int64_t steps =
        o.warmup_steps.value_or(static_cast<int64_t>(std::ceil(as_real(total_steps) * o.warmup_ratio)));
    if (steps < 0) refuse("--warmup-steps", fmt::format("is {}", steps), "give 0 or more");
    return steps;
}

int64_t steps_per_epoch(const StepCount& c) {
    const int64_t loads = (c.rows + c.batch - 1) / c.batch;
    return std::max<int64_t>(1, (loads + c.accumulation - 1) / c.accumulation);
}

int64_t total_steps(const StepCount& c) {
    if (c.max_steps > 0) return c.max_steps;
    return static_cast<int64_t>(std::ceil(c.epochs * as_real(steps_per_epoch(c))));
}

}   // namespace llmft
