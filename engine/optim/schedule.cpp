#include "engine/optim/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::array kKinds = {
    std::pair{"linear", ScheduleKind::kLinear},
    std::pair{"cosine", ScheduleKind::kCosine},
    std::pair{"cosine_with_restarts", ScheduleKind::kCosineWithRestarts},
    std::pair{"polynomial", ScheduleKind::kPolynomial},
    std::pair{"constant", ScheduleKind::kConstant},
    std::pair{"constant_with_warmup", ScheduleKind::kConstantWithWarmup},
    std::pair{"inverse_sqrt", ScheduleKind::kInverseSqrt},
    std::pair{"cosine_with_min_lr", ScheduleKind::kCosineWithMinLr},
    std::pair{"cosine_warmup_with_min_lr", ScheduleKind::kCosineWarmupWithMinLr},
    std::pair{"warmup_stable_decay", ScheduleKind::kWarmupStableDecay},
};

[[noreturn]] void refuse(std::string_view flag, std::string_view what, std::string_view remedy) {
    throw UserError("USAGE", flag, "", what, remedy);
}

ScheduleKind kind_of(const std::string& name) {
    constexpr std::string_view kFlag = "--lr-scheduler-type";
    if (name == "reduce_lr_on_plateau" || name == "greedy")
        refuse(kFlag, name + " follows a metric, which this build does not do", "use cosine or linear");
    const auto at = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return name == k.first; });
    if (at != kKinds.end()) return at->second;
    std::string known;
    for (const auto& [known_name, kind] : kKinds) known += (known.empty() ? "" : ", ") + std::string(known_name);
    refuse(kFlag, fmt::format("'{}' is unknown", name), "use one of " + known);
}

RampShape shape_of(std::string_view flag, const std::string& name) {
    if (name == "linear") return RampShape::kLinear;
    if (name == "cosine") return RampShape::kCosine;
    if (name == "1-sqrt") return RampShape::kOneMinusSqrt;
    refuse(flag, fmt::format("'{}' is unknown", name), "use linear, cosine or 1-sqrt");
}

bool has_minimum(ScheduleKind kind) {
    return kind == ScheduleKind::kCosineWithMinLr || kind == ScheduleKind::kCosineWarmupWithMinLr;
}

double least_share(const ScheduleOptions& o, ScheduleKind kind) {
    if (kind == ScheduleKind::kWarmupStableDecay) return o.min_lr_ratio;
    if (!has_minimum(kind)) return 0;
    if ((o.min_lr >= 0) == (o.min_lr_rate >= 0))
        refuse("--lr-scheduler-type", o.lr_scheduler_type + " takes one of --min-lr and --min-lr-rate",
               "give exactly one");
    return o.min_lr >= 0 ? o.min_lr / o.learning_rate : o.min_lr_rate;
}

int64_t warmup_of(const ScheduleOptions& o, int64_t total) {
    if (o.warmup_steps < 0) refuse("--warmup-steps", fmt::format("is {}", o.warmup_steps), "give 0 or more");
    if (!(o.warmup_ratio >= 0 && o.warmup_ratio <= 1))
        refuse("--warmup-ratio", fmt::format("is {}", o.warmup_ratio), "give 0 to 1");
    return o.warmup_steps > 0 ? o.warmup_steps
                              : static_cast<int64_t>(std::ceil(static_cast<double>(total) * o.warmup_ratio));
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

}   // namespace

Schedule::Schedule(const ScheduleOptions& o, int64_t total_steps)
    : kind_(kind_of(o.lr_scheduler_type)),
      peak_(o.learning_rate),
      total_(total_steps),
      warmup_(warmup_of(o, total_steps)),
      timescale_(o.timescale > 0 ? o.timescale
                 : warmup_ > 0   ? warmup_
                                 : 10'000),
      decay_(o.num_decay_steps),
      stable_(o.num_stable_steps >= 0 ? o.num_stable_steps : total_steps - warmup_ - decay_),
      cycles_(o.num_cycles >= 0                            ? o.num_cycles
              : kind_ == ScheduleKind::kCosineWithRestarts ? 1.0
                                                           : 0.5),
      lr_end_(o.lr_end),
      power_(o.power),
      least_(least_share(o, kind_)),
      warmup_start_(o.warmup_lr_rate),
      warmup_shape_(shape_of("--lr-warmup-type", o.warmup_type)),
      decay_shape_(shape_of("--lr-decay-type", o.decay_type)) {
    if (!(peak_ > 0 && std::isfinite(peak_)))
        refuse("--learning-rate", fmt::format("is {}", peak_), "give a positive number");
    if (!(least_ >= 0 && least_ <= 1))
        refuse("--lr-scheduler-type", fmt::format("the minimum is {} of the peak", least_),
               "give a minimum from 0 to the peak");
    if (kind_ == ScheduleKind::kPolynomial && !(lr_end_ < peak_))
        refuse("--lr-end", fmt::format("is {}, not below --learning-rate {}", lr_end_, peak_), "give a smaller one");
    if (kind_ == ScheduleKind::kWarmupStableDecay && decay_ < 0)
        refuse("--lr-decay-steps", "is missing", "warmup_stable_decay needs the number of decay steps");
}

double Schedule::operator()(int64_t step) const {
    return peak_ * share(step);
}

double Schedule::share(int64_t step) const {
    if (kind_ == ScheduleKind::kConstant) return 1;
    return std::max(0.0, step < warmup_ ? ramp(step) : after_warmup(step));
}

double Schedule::ramp(int64_t step) const {
    const double linear = as_real(step) / at_least_one(warmup_);
    if (kind_ == ScheduleKind::kCosineWarmupWithMinLr) {
        if (warmup_start_ < 0) return as_real(step + 1) / at_least_one(warmup_);
        return warmup_start_ + (1.0 - warmup_start_) * as_real(step) / at_least_one(warmup_ - 1);
    }
    if (kind_ != ScheduleKind::kWarmupStableDecay) return linear;
    double share = linear;
    if (warmup_shape_ == RampShape::kCosine) share = 0.5 * (1.0 - std::cos(M_PI * linear));
    if (warmup_shape_ == RampShape::kOneMinusSqrt) share = 1.0 - std::sqrt(1.0 - linear);
    return share * (1.0 - least_) + least_;
}

double Schedule::after_warmup(int64_t step) const {
    const double span = at_least_one(total_ - warmup_);
    const double progress = as_real(step - warmup_) / span;
    switch (kind_) {
        case ScheduleKind::kConstant:
        case ScheduleKind::kConstantWithWarmup: return 1;
        case ScheduleKind::kLinear: return as_real(total_ - step) / span;
        case ScheduleKind::kCosine: return cosine(cycles_, progress);
        case ScheduleKind::kCosineWithMinLr: return cosine(cycles_, progress) * (1.0 - least_) + least_;
        case ScheduleKind::kCosineWarmupWithMinLr:
            return cosine(cycles_, as_real(step - warmup_ + 1) / span) * (1.0 - least_) + least_;
        case ScheduleKind::kCosineWithRestarts:
            return progress >= 1 ? 0.0 : 0.5 * (1.0 + std::cos(M_PI * std::fmod(cycles_ * progress, 1.0)));
        case ScheduleKind::kPolynomial:
            if (step > total_) return lr_end_ / peak_;
            return ((peak_ - lr_end_) * std::pow(1.0 - progress, power_) + lr_end_) / peak_;
        case ScheduleKind::kInverseSqrt:
            return 1.0 / std::sqrt(as_real(step + timescale_ - warmup_) / as_real(timescale_));
        case ScheduleKind::kWarmupStableDecay: return stable_then_decay(step);
    }
    throw InternalError("schedule of an unknown kind");
}

double Schedule::stable_then_decay(int64_t step) const {
    const int64_t into_decay = step - warmup_ - stable_;
    if (into_decay < 0) return 1;
    if (into_decay >= decay_) return least_;
    const double progress = as_real(into_decay) / at_least_one(decay_);
    double share = 1.0 - progress;
    if (decay_shape_ == RampShape::kCosine) share = cosine(cycles_, progress);
    if (decay_shape_ == RampShape::kOneMinusSqrt) share = 1.0 - std::sqrt(progress);
    return share * (1.0 - least_) + least_;
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
