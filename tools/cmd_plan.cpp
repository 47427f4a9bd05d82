#include <fmt/format.h>

#include <cstdio>

#include "engine/io/json.h"
#include "tools/cmd.h"
#include "tools/open_model.h"
#include "tools/sheet.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

struct PlanOptions {
    std::string output_dir;
    bool profile = false;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("output");
        v("output-dir", output_dir, "train's; nothing is written");
        v("profile", profile, "train's; nothing is timed");
        v("json", json, "one JSON document on stdout");
    }
};

Json plan_json(const ChosenPlan& chosen, const ModelConfig& config, int64_t context) {
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
            {"trainable_parameters", chosen.plan.trainable},
            {"all_parameters", parameter_count(config)},
            {"memory", memory},
            {"ops", ops}};
}

}   // namespace

int cmd_plan(const std::vector<std::string>& arguments) {
    TrainOptions options;
    PlanOptions output;
    Flags flags("plan", "what a training run needs: memory by name, FLOPs and bytes by op; starts nothing");
    options.declare(flags);
    flags.add(output);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model"});
    options.validate();
    options.adopt_adapter(flags);

    const auto model = open_model(options.model.model);
    const ModelConfig config = read_model_config(*model);
    options.resolve(config);
    const auto tuning = method(options.method.method).make(method_request(options));
    const LoaderShape data =
        options.data.dataset.empty() ? full_rows(options) : read_train_data(options, *model, config).shape;
    const PlanRequest request = plan_request(options, config, *tuning, data);
    const ChosenPlan chosen = choose_plan(request);
    const int64_t context = longest_context(request);
    if (output.json) {
        fmt::print("{}", hf_json(plan_json(chosen, config, context)));
        return 0;
    }
    fmt::print("{}\n\nmemory\n{}", trainable_line(chosen.plan, config, options.method.method != "full"),
               memory_table(chosen.plan));
    fmt::print("  {:<24} {:>12}   {}\n", "limit", bytes_text(request.limit_bytes),
               chosen.fits ? "fits" : "does not fit; of another machine: --memory-limit 80GiB");
    fmt::print("  {}\n  longest document that fits: {} tokens\n", recompute_text(chosen.shape.recompute), context);
    fmt::print("\none step of one micro-batch of {} tokens\n{}", chosen.plan.tokens, op_table(chosen.plan.ops));
    return 0;
}

}   // namespace llmft
