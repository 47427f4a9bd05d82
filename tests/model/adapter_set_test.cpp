// How many numbers are trained: PEFT's own line on the configs of real models (tests/oracle, trainable.json), and
// several adapters over one base.
#include <doctest/doctest.h>

#include "model/adapter/adapter_set.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/golden.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::vector<float> logits_with(const std::filesystem::path& model, const std::filesystem::path& adapter,
                               const GoldenExample& example) {
    Lora lora = Lora::from_folder(adapter, 0);
    return logits_of(*open_session(model, lora, {}), example);
}

double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max<double>(worst, std::abs(a[i] - b[i]));
    return worst;
}

}   // namespace

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
    Lora untrained({.r = 1, .target_modules = "q_proj"}, 0);   // B is zero
    const auto bare = logits_of(*open_session(model, untrained, {}), example);
    AdapterSet set({a, b});
    const auto session = open_session(model, set, {});
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
