// `llmft bench` of the real program: its figures fit together, and its step is the plan's.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

Json json_of(const std::vector<std::string>& arguments) {
    const Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err == "");
    return Json::parse(ended.out);
}

double flops(const Json& document) {
    double sum = 0;
    for (const Json& op : document.at("ops")) sum += op.at("flops").get<double>();
    return sum;
}

}   // namespace

TEST_CASE("bench times the step that plan describes, with random weights where config.json is all there is") {
    const Scene scene;
    std::filesystem::remove(scene.weights());
    for (const char* method : {"lora", "qlora", "full"}) {
        CAPTURE(std::string(method));
        const std::vector<std::string> same = {"--model",
                                               scene.model(),
                                               "--method",
                                               method,
                                               "--max-seq-length",
                                               "32",
                                               "--per-device-train-batch-size",
                                               "6",
                                               "--tokens-per-microbatch",
                                               "64",
                                               "--json"};
        std::vector<std::string> bench = {"bench", "--bench-steps", "3"}, plan = {"plan"};
        bench.insert(bench.end(), same.begin(), same.end());
        plan.insert(plan.end(), same.begin(), same.end());
        const Json timed = json_of(bench), planned = json_of(plan);

        CHECK(timed.at("tokens") == 6 * 32);
        CHECK(timed.at("microbatches") == 3);
        CHECK(timed.at("peak_bytes") == planned.at("peak_bytes"));
        REQUIRE(timed.at("step_seconds").size() == 3);
        double whole = 0, in_ops = 0;
        for (const Json& seconds : timed.at("step_seconds")) whole += seconds.get<double>();
        for (const Json& op : timed.at("ops")) in_ops += op.at("seconds").get<double>();
        CHECK(in_ops > 0);
        CHECK(in_ops <= whole);
        const double median = timed.at("median_step_seconds"), rate = timed.at("tokens_per_second");
        CHECK(rate * median == doctest::Approx(6 * 32));
        // Three steps of three micro-batches; the plan has one of one, with the update, which is not repeated.
        const double planned_flops = flops(planned);
        CHECK(flops(timed) <= 9 * planned_flops);
        CHECK(flops(timed) > 6 * planned_flops);
        CHECK(timed.at("products_seconds").get<double>() > 0);
    }
}

TEST_CASE("bench needs a model and takes no data set") {
    CHECK(run_llmft({"bench"}).code == 2);
    const Ended ended = run_llmft({"bench", "--model", "nowhere"});
    CHECK(ended.code == 2);
    CHECK(ended.out == "");
}
