// How many numbers are trained: PEFT's own line on the configs of real models (tests/oracle, trainable.json), and
// several adapters over one base.
#include <doctest/doctest.h>

#include "engine/io/file.h"
#include "model/adapter/adapter_set.h"
#include "tests/harness/paths.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/golden.h"
#include "tools/train_setup.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::string list_text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    std::string text;
    for (const Json& item : value)
        text += (text.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
    return text;
}

LoraOptions options_of(const Json& json) {
    LoraOptions o;
    for (const auto& [key, value] : json.items()) {
        if (value.is_null()) continue;
        if (key == "r")
            o.r = value.get<int64_t>();
        else if (key == "target_modules")
            o.target_modules = list_text(value);
        else if (key == "modules_to_save")
            o.modules_to_save = list_text(value);
        else if (key == "exclude_modules")
            o.exclude_modules = list_text(value);
        else if (key == "layers_to_transform")
            o.layers_to_transform = list_text(value);
        else if (key == "rank_pattern")
            o.rank_pattern = value.dump();
        else
            FAIL("an option that this test does not know: " << key);
    }
    return o;
}

std::vector<float> logits_with(const std::filesystem::path& model, const std::filesystem::path& adapter,
                               const GoldenExample& example) {
    Lora lora = Lora::from_folder(adapter, 0);
    return logits_of(*open_session(model, lora, {.use = SessionShape::Use::kEvaluate}), example);
}

double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max<double>(worst, std::abs(a[i] - b[i]));
    return worst;
}

}   // namespace

TEST_CASE("the trainable line is PEFT's on SmolLM2, Llama 2 7B and Llama 3.1 8B") {
    const Json golden = parse_json_file(source_dir() / "tests/golden/trainable.json", {});
    for (const Json& one : golden.at("cases")) {
        CAPTURE(one.dump());
        const ModelConfig config =
            parse_model_config(golden.at("configs").at(one.at("model").get<std::string>()).dump(), "config.json");
        Lora lora(options_of(one.at("options")), 0);
        const Plan plan = plan_session(config, {.dtype = DType::kBf16, .tokens = 1, .recompute = {}}, 1, lora);
        CHECK(trainable_line(plan, config, true) == one.at("line").get<std::string>());
    }
}

// Ranks are padded and s is folded into B, so products round elsewhere: f32 through two blocks, as in the goldens.
TEST_CASE("a set of adapters gives each one's logits, and the base's, however often it is switched") {
    const Golden first = read_golden("grad-lora-exclude"), second = read_golden("grad-lora-rslora");
    REQUIRE(first.case_json.at("model") == second.case_json.at("model"));
    const std::filesystem::path model = *first.model_folder();
    const TempFolder folder;
    const auto a = folder.path() / "a", b = folder.path() / "b";
    std::filesystem::copy(first.adapter_folder(), a);
    std::filesystem::copy(second.adapter_folder(), b);
    const GoldenExample& example = first.examples.back();
    const auto base = make_inference({});
    const auto bare = logits_of(*open_session(model, *base, {.use = SessionShape::Use::kEvaluate}), example);
    AdapterSet set({a, b});
    const auto session = open_session(model, set, {.use = SessionShape::Use::kEvaluate});
    Run run = session->run();
    CHECK(set.names() == std::vector<std::string>{"a", "b"});
    for (const char* name : {"b", "none", "a", "b", "b", "a", "none"}) {
        CAPTURE(name);
        set.select(name, run);
        const std::string_view chosen = name;
        const auto want = chosen == "none" ? bare : logits_with(model, chosen == "a" ? a : b, example);
        CHECK(worst_difference(logits_of(*session, example), want) <= 1e-5 * 10);
        CHECK(worst_difference(bare, logits_with(model, a, example)) > 1e-2);
    }
    CHECK_THROWS_AS(set.select("c", run), UserError);
}

TEST_CASE("adapters that a set cannot hold are refused by name") {
    const TempFolder folder;
    const auto refuse = [&](const std::vector<std::filesystem::path>& folders) {
        CHECK_THROWS_AS(AdapterSet{folders}, UserError);
    };
    refuse({read_golden("grad-lora-save-norms").adapter_folder()});
    refuse({read_golden("grad-lora-bias-all").adapter_folder()});
    // Both folders are called "adapter".
    refuse({read_golden("grad-lora-regex").adapter_folder(), read_golden("grad-lora-rslora").adapter_folder()});
}
