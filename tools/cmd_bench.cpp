// bench: the training step on this machine, each op as a share of what the machine can do.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "engine/core/median.h"
#include "engine/io/json.h"
#include "kernels/base/parallel.h"
#include "tools/bench/products.h"
#include "tools/bench/step_time.h"
#include "tools/cmd.h"
#include "tools/doctor/measure.h"
#include "tools/open_model.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

struct BenchOptions {
    int64_t steps = 7;
    int64_t warmup = 2;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("bench");
        v("bench-steps", steps, "steps that are timed; their median is the figure", {.at_least = 1});
        v("bench-warmup", warmup, "steps before them that are not", {.at_least = 1});
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

// What the machine can do, and what the model's products cost by themselves.
struct Ceilings {
    double flops = 0;           // a second, of large products in the run's dtype
    double bytes = 0;           // a second, read and written by copies
    double floor_seconds = 0;   // of a step's products
};

struct Report {
    DeviceProperties device;
    DType dtype;
    Ceilings ceilings;
    StepTimes times;
    Plan plan;

    double step_seconds() const { return median(times.seconds); }
    double tokens_per_second() const { return static_cast<double>(times.tokens) / step_seconds(); }
    double floor_share() const { return ceilings.floor_seconds / step_seconds(); }
    // The time that the ceilings allow an op's FLOPs and bytes, as a share of what it took.
    double share_of_ceiling(const Profile::Row& row) const {
        return std::max(row.cost.flops / ceilings.flops, row.cost.bytes / ceilings.bytes) / row.seconds;
    }
};

Ceilings measure_ceilings(const ModelOptions& model, const ChosenPlan& chosen, const StepTimes& times) {
    constexpr int64_t kCopied = int64_t{128} << 20;   // beyond most caches
    constexpr int kRounds = 5;
    const auto device = model.make_device();
    const double share = static_cast<double>(times.tokens) / static_cast<double>(chosen.plan.tokens);
    return {.flops = 1e9 * measure_products(device->gemm_engine(), chosen.shape.dtype).gflops,
            .bytes = 1e9 * measure_copy(kCopied),
            .floor_seconds = share * time_products(chosen.plan.products, *device, kRounds)};
}

// Beyond what holds for the whole run (weights, adapters, optimizer): what a step adds.
int64_t step_bytes(const Plan& plan) {
    return plan.peak_bytes - plan.persistent_bytes;
}

int64_t most_resident_bytes() {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return int64_t{usage.ru_maxrss} * 1024;
}

std::string json_of(const Report& r) {
    OrderedJson ops = OrderedJson::array();
    for (const Profile::Row& row : r.times.ops)
        ops.push_back({{"range", row.range},
                       {"op", row.op},
                       {"calls", row.calls},
                       {"flops", row.cost.flops},
                       {"bytes", row.cost.bytes},
                       {"seconds", row.seconds},
                       {"share_of_ceiling", r.share_of_ceiling(row)}});
    return json_line({{"processor", r.device.name},
                      {"threads", thread_count()},
                      {"dtype", name(r.dtype)},
                      {"gflops", r.ceilings.flops / 1e9},
                      {"copy_gb_per_s", r.ceilings.bytes / 1e9},
                      {"tokens", r.times.tokens},
                      {"microbatches", r.times.microbatches},
                      {"step_seconds", r.times.seconds},
                      {"median_step_seconds", r.step_seconds()},
                      {"tokens_per_second", r.tokens_per_second()},
                      {"products_seconds", r.ceilings.floor_seconds},
                      {"share_of_floor", r.floor_share()},
                      {"first_step_seconds", r.times.first_step_seconds},
                      {"peak_bytes", r.plan.peak_bytes},
                      {"step_bytes", step_bytes(r.plan)},
                      {"most_resident_bytes", most_resident_bytes()},
                      {"ops", ops}});
}

// The ceiling of bytes is that of copies beyond the caches: what runs faster has its operands in one.
std::string share_text(double share) {
    return share > 1 ? "in cache" : fmt::format("{:.0f}", 100 * share);
}

std::string op_lines(const Report& r) {
    const auto steps = static_cast<double>(r.times.seconds.size());
    double whole = 0;
    for (const double seconds : r.times.seconds) whole += seconds;
    std::vector<Profile::Row> rows = r.times.ops;
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    std::vector<std::vector<std::string>> cells = {
        {"range", "op", "calls", "ms", "% of step", "GFLOP/s", "GB/s", "% of ceiling"}};
    double counted = 0;
    for (const Profile::Row& row : rows) {
        counted += row.seconds;
        cells.push_back(
            {row.range, row.op, fmt::format("{:.0f}", static_cast<double>(row.calls) / steps),
             fmt::format("{:.2f}", 1000 * row.seconds / steps), fmt::format("{:.1f}", 100 * row.seconds / whole),
             fmt::format("{:.1f}", row.cost.flops / row.seconds / 1e9),
             fmt::format("{:.1f}", row.cost.bytes / row.seconds / 1e9), share_text(r.share_of_ceiling(row))});
    }
    cells.push_back({"", "between ops", "", fmt::format("{:.2f}", 1000 * (whole - counted) / steps),
                     fmt::format("{:.1f}", 100 * (whole - counted) / whole), "", "", ""});
    Sheet sheet;
    sheet.table(cells);
    return sheet.text();
}

std::string text_of(const Report& r, const TrainOptions& options, const ModelConfig& config) {
    const auto [least, most] = std::minmax_element(r.times.seconds.begin(), r.times.seconds.end());
    Sheet sheet;
    sheet.row(
        "machine",
        fmt::format("{}, {} threads: {:.1f} GFLOP/s in products of 1024 x 1024 x 1024 ({}), {:.1f} GB/s in copies",
                    r.device.name, thread_count(), r.ceilings.flops / 1e9, name(r.dtype), r.ceilings.bytes / 1e9));
    sheet.row("model", fmt::format("{} layers, {} wide, {} tokens in the vocabulary; random weights",
                                   config.num_hidden_layers, config.hidden_size, config.vocab_size));
    sheet.row("method", trainable_line(r.plan, config, options.method.method != "full"));
    sheet.row("step",
              fmt::format("{} tokens in {} micro-batches: median {:.1f} ms of {} ({:.1f} to {:.1f}): {:.0f} tokens/s",
                          r.times.tokens, r.times.microbatches, 1000 * r.step_seconds(), r.times.seconds.size(),
                          1000 * *least, 1000 * *most, r.tokens_per_second()));
    sheet.row("floor", fmt::format("its matrix products alone: {:.1f} ms, {:.1f} % of the step",
                                   1000 * r.ceilings.floor_seconds, 100 * r.floor_share()));
    sheet.row("memory",
              fmt::format("{}, {} of it for a step", bytes_text(r.plan.peak_bytes), bytes_text(step_bytes(r.plan))));
    sheet.row("first step",
              fmt::format("{:.2f} s after the start, random weights made meanwhile", r.times.first_step_seconds));
    return sheet.text() + "\n" + op_lines(r);
}

}   // namespace

int cmd_bench(const std::vector<std::string>& arguments) {
    TrainOptions options;
    BenchOptions bench;
    Flags flags("bench", "times the training step; each op as a share of this machine's limits");
    options.declare(flags);
    flags.add(bench);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model"});
    options.validate();
    options.adopt_adapter(flags);

    const ModelConfig config = read_model_config(*open_model(options.model.model));
    options.resolve(config);
    const auto tuning = method(options.method.method).make(method_request(options));
    const PlanRequest request = plan_request(options, config, *tuning, full_rows(options));
    const ChosenPlan chosen = choose_plan(request);
    expect_fits(chosen, request.limit_bytes);

    const StepTimes times = time_steps(options, config, *tuning, chosen, bench.warmup, bench.steps);
    const Report report = {.device = options.model.make_device()->properties(),
                           .dtype = chosen.shape.dtype,
                           .ceilings = measure_ceilings(options.model, chosen, times),
                           .times = times,
                           .plan = chosen.plan};
    fmt::print("{}", bench.json ? json_of(report) : text_of(report, options, config));
    return 0;
}

}   // namespace llmft
