// The `trainable params` lines of PEFT at real sizes (tests/oracle/trainable.py): only the dry device sees such models.
#include <doctest/doctest.h>

#include "model/adapter/lora.h"
#include "tests/harness/paths.h"
#include "tools/train_setup.h"

using namespace llmft;

namespace {

// A list with commas between, anything else as JSON has it.
std::string as_option(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const Json& one : value) text += (text.empty() ? "" : ",") + as_option(one);
    return text;
}

LoraOptions lora_options(const Json& given) {
    LoraOptions options = {.r = given.at("r").get<int64_t>()};
    for (const auto& [key, to] :
         std::vector<std::pair<std::string, std::string*>>{{"target_modules", &options.target_modules},
                                                           {"exclude_modules", &options.exclude_modules},
                                                           {"rank_pattern", &options.rank_pattern},
                                                           {"layers_to_transform", &options.layers_to_transform},
                                                           {"modules_to_save", &options.modules_to_save},
                                                           {"bias", &options.bias}})
        if (given.contains(key)) *to = as_option(given.at(key));
    options.lora_bias = given.value("lora_bias", false);
    return options;
}

}   // namespace

TEST_CASE("the trainable line is PEFT's for SmolLM2-135M, Llama-2-7B, Llama-3.1-8B and Qwen2.5-0.5B") {
    const Json golden = parse_json_file(test::source_dir() / "tests/golden/trainable.json", JsonLimits{});
    size_t compared = 0;
    for (const Json& one : golden.at("cases")) {
        const std::string model = one.at("model").get<std::string>();
        CAPTURE(model);
        CAPTURE(one.at("options").dump());
        const ModelConfig config = parse_model_config(golden.at("configs").at(model).dump(), model);
        Lora lora(lora_options(one.at("options")), 0);
        const Plan plan = plan_session(config, {.tokens = 2, .recompute = {}}, 2, lora);
        CHECK(trainable_line(plan, config, true) == one.at("line").get<std::string>());
        ++compared;
    }
    CHECK(compared == 36);
}
