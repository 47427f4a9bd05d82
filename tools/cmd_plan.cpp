#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/io/json.h"
#include "engine/log/progress.h"
#include "tools/cmd.h"
#include "tools/open_model.h"
#include "tools/sheet.h"
#include "tools/step_limit.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

struct PlanOptions {
    std::string output_dir;
    bool profile = false;
    bool json = false;
    double gflops = 0;
    double price_per_hour = 0;

    template <class V>
    void visit(V&& v) {
        v.group("machine");
        v("gflops", gflops, "GFLOP/s of its matrix products (0: of this machine, measured now)", {.at_least = 0});
        v("price-per-hour", price_per_hour, "what it costs, in any currency", {.at_least = 0});
        v.group("output");
        v("output-dir", output_dir, "train's; nothing is written");
        v("profile", profile, "train's; nothing is timed");
        v("json", json, "one JSON document on stdout");
    }
};

// How long the run takes, from its matrix products alone: nothing else it does takes no time.
struct Speed {
    double gflops;              // of products; 0: not known, and so is all else
    double tokens_per_second;   // at most
    double tokens;              // of the whole run; 0: not known
    double seconds() const { return tokens_per_second > 0 ? tokens / tokens_per_second : 0; }
};

Speed speed_of(const PlanOptions& output, const TrainOptions& options, const ChosenPlan& chosen,
               const LoaderShape& data, size_t rows) {
    const double examples = options.loop.max_steps > 0
                                ? static_cast<double>(options.loop.max_steps) *
                                      static_cast<double>(options.batch.per_device_train_batch_size) *
                                      static_cast<double>(options.batch.gradient_accumulation_steps)
                                : options.loop.num_train_epochs * static_cast<double>(rows);
    const double tokens_per_example = rows == 0
                                          ? static_cast<double>(options.data.max_seq_length)
                                          : static_cast<double>(data.tokens_per_epoch) / static_cast<double>(rows);
    const double gflops = output.gflops > 0
                              ? output.gflops
                              : measured_gflops(options.model.make_device()->gemm_engine(), chosen.shape.dtype);
    return {.gflops = gflops,
            .tokens_per_second = limit_tokens_per_second(chosen.plan, data, gflops),
            .tokens = examples * tokens_per_example};
}

std::string speed_text(const Speed& speed, const PlanOptions& output) {
    if (speed.gflops == 0) return "  not measured under a limit of address space; --gflops X says it\n";
    const auto whole = [](double number) { return grouped_digits(std::llround(std::min(number, 1e18))); };
    std::string text =
        fmt::format("  {} GFLOP/s of products{}\n  at most {} tok/s\n", whole(speed.gflops),
                    output.gflops > 0 ? "" : ", measured on this machine", whole(speed.tokens_per_second));
    if (speed.tokens == 0) return text + "  --dataset or --max-steps says how long the run is\n";
    text +=
        fmt::format("  {} tokens take {} at least\n", whole(speed.tokens), clock_text(std::min(speed.seconds(), 1e15)));
    if (output.price_per_hour > 0)
        text += fmt::format("  which costs {:.2f}\n", speed.seconds() / 3600 * output.price_per_hour);
    return text;
}

Json plan_json(const ChosenPlan& chosen, const ModelConfig& config, int64_t context, const Speed& speed) {
    Json memory = Json::array(), ops = Json::array();
    for (const Arena::Row& row : chosen.plan.memory)
        memory.push_back({{"name", row.name}, {"bytes", row.bytes}, {"count", row.count}});
    for (const Profile::Row& row : chosen.plan.ops)
        ops.push_back({{"range", row.range},
                       {"op", row.op},
                       {"calls", row.calls},
                       {"flops", row.cost.flops},
                       {"bytes", row.cost.bytes}});
    return {{"peak_bytes", chosen.plan.peak_bytes},
            {"persistent_bytes", chosen.plan.persistent_bytes},
            {"fits", chosen.fits},
            {"tokens_per_microbatch", chosen.plan.tokens},
            {"longest_context", context},
            {"gflops", speed.gflops},
            {"tokens_per_second", speed.tokens_per_second},
            {"run_tokens", speed.tokens},
            {"run_seconds", speed.seconds()},
            {"trainable_parameters", chosen.plan.trainable},
            {"all_parameters", parameter_count(config)},
            {"memory", memory},
            {"ops", ops}};
}

}   // namespace

int cmd_plan(const std::vector<std::string>& arguments) {
    TrainOptions options;
    PlanOptions output;
    Flags flags("plan", "what a training run needs: memory by name, FLOPs and bytes by op, time; starts nothing");
    options.declare(flags);
    flags.add(output);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model"});
    options.validate();
    options.adopt_adapter(flags);
    options.adopt_intervals(flags);

    const auto model = open_model(options.model.model);
    const ModelConfig config = read_model_config(*model);
    options.resolve(config);
    const auto tuning = method(options.method.method).make(method_request(options));
    LoaderShape data = full_rows(options);
    size_t rows = 0;
    if (!options.data.dataset.empty()) {
        const TrainData read = read_train_data(options, *model, config);
        data = read.shape;
        rows = read.train.examples.size();
    }
    const PlanRequest request = plan_request(options, config, *tuning, data);
    const ChosenPlan chosen = choose_plan(request);
    const int64_t context = longest_context(request);
    const Speed speed = speed_of(output, options, chosen, data, rows);
    if (output.json) {
        fmt::print("{}", hf_json(plan_json(chosen, config, context, speed)));
        return 0;
    }
    fmt::print("{}\n\nmemory\n{}", trainable_line(chosen.plan, config, options.method.method != "full"),
               memory_table(chosen.plan));
    fmt::print("  {:<24} {:>12}   {}\n", "limit", bytes_text(request.limit_bytes),
               chosen.fits ? "fits" : "does not fit; of another machine: --memory-limit 80GiB");
    fmt::print("  {}\n  longest document that fits: {} tokens\n", recompute_text(chosen.shape.recompute), context);
    fmt::print("\ntime\n{}", speed_text(speed, output));
    fmt::print("\none step of one micro-batch of {} tokens\n{}", chosen.plan.tokens, op_table(chosen.plan.ops));
    return 0;
}

}   // namespace llmft
