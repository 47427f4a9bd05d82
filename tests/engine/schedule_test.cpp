#include "engine/optim/schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/io/json_field.h"
#include "kernels/base/error.h"
#include "tests/harness/paths.h"

namespace llmft {
namespace {

ScheduleOptions options_of(const JsonField& golden) {
    ScheduleOptions o;
    o.lr_scheduler_type = golden.at("name").text();
    o.warmup_steps = golden.at("warmup").integer(0, 1000);
    const JsonField kwargs = golden.at("kwargs");
    const auto real = [&](const char* key, auto& into) {
        if (const auto field = kwargs.find(key)) into = field->number(0, 1000);
    };
    const auto count = [&](const char* key, std::optional<int64_t>& into) {
        if (const auto field = kwargs.find(key)) into = field->integer(0, 1000);
    };
    real("num_cycles", o.num_cycles), real("lr_end", o.lr_end), real("power", o.power);
    real("min_lr", o.min_lr), real("min_lr_rate", o.min_lr_rate), real("warmup_lr_rate", o.warmup_lr_rate);
    real("min_lr_ratio", o.min_lr_ratio);
    count("timescale", o.timescale), count("num_decay_steps", o.num_decay_steps),
        count("num_stable_steps", o.num_stable_steps);
    o.warmup_type = kwargs.text_or("warmup_type", o.warmup_type);
    o.decay_type = kwargs.text_or("decay_type", o.decay_type);
    return o;
}

ScheduleOptions named(const char* kind) {
    ScheduleOptions o;
    o.lr_scheduler_type = kind;
    return o;
}

TEST_CASE("every schedule gives the rates of transformers.get_scheduler") {
    const Json json = parse_json_file(test::source_dir() / "tests/golden/schedule.json", {});
    const JsonField goldens(json, "schedule.json", "");
    for (const JsonField& golden : goldens.items()) {
        CAPTURE(golden.json().dump());
        const ScheduleOptions options = options_of(golden);
        const double peak = golden.at("peak").number(0, 1);
        const int64_t total = golden.at("total").integer(1, 1000);
        int64_t step = 0;
        for (const JsonField& rate : golden.at("lr").items()) {
            // The same few double operations; cos and pow may differ by an ulp, and 1 + cos x cancels near the end.
            const double fault = std::abs(learning_rate(options, peak, step, total) - rate.number(0, 1));
            CHECK(fault <= 8 * std::numeric_limits<double>::epsilon() * peak);
            ++step;
        }
        CHECK(step == total + 3);
    }
}

TEST_CASE("a warm-up ratio rounds up and warm-up steps win over it") {
    ScheduleOptions o = named("linear");
    o.warmup_ratio = 0.03;
    CHECK(warmup_steps(o, 101) == 4);
    o.warmup_steps = 0;
    CHECK(warmup_steps(o, 101) == 0);
}

TEST_CASE("schedules that follow a metric, unknown names and contradictions are refused by name") {
    for (const char* kind :
         {"reduce_lr_on_plateau", "greedy", "cosin", "", "cosine_with_min_lr", "warmup_stable_decay"}) {
        CAPTURE(kind);
        CHECK_THROWS_AS(learning_rate(named(kind), 1e-3, 0, 10), UserError);
    }
    for (const double peak : {0.0, -1.0, std::nan(""), HUGE_VAL})
        CHECK_THROWS_AS(learning_rate(named("cosine"), peak, 0, 10), UserError);
    ScheduleOptions o = named("cosine_with_min_lr");
    o.min_lr = 2e-3;
    CHECK_THROWS_AS(learning_rate(o, 1e-3, 0, 10), UserError);
    o = named("polynomial");
    o.lr_end = 1e-3;
    CHECK_THROWS_AS(learning_rate(o, 1e-3, 0, 10), UserError);
}

TEST_CASE("the shorter last window of an epoch makes an optimizer step too") {
    CHECK(total_steps({.rows = 10, .batch = 4, .accumulation = 2, .epochs = 3, .max_steps = -1}) == 6);
    CHECK(total_steps({.rows = 10, .batch = 4, .accumulation = 2, .epochs = 0.6, .max_steps = -1}) == 2);
    CHECK(total_steps({.rows = 1, .batch = 4, .accumulation = 8, .epochs = 1, .max_steps = -1}) == 1);
    CHECK(total_steps({.rows = 10, .batch = 4, .accumulation = 2, .epochs = 3, .max_steps = 5}) == 5);
}

}   // namespace
}   // namespace llmft
