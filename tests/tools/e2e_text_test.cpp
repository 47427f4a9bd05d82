// Text rows on a real small model: story-llama on pieces of tinyshakespeare, and on prompts and completions.
#include <doctest/doctest.h>

#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr const char* kModel = "weights/story-llama-0.6M";
constexpr const char* kShakespeare = "datasets/tinyshakespeare/input.txt";
constexpr const char* kAlpaca = "datasets/llamafactory-demo/alpaca_en_demo.json";

std::string pieces(const std::string& text, size_t count, size_t length) {
    std::string rows;
    for (size_t i = 0; i < count; ++i) rows += Json({{"text", text.substr(i * length, length)}}).dump() + "\n";
    return rows;
}

std::string prompts(const Json& all, size_t count) {
    std::string rows;
    for (size_t i = 0; rows.empty() || (i < all.size() && count > 0); ++i) {
        const std::string answer = all[i]["output"].get<std::string>();
        if (answer.size() > 300) continue;
        rows +=
            Json({{"prompt", all[i]["instruction"].get<std::string>() + "\n"}, {"completion", answer}}).dump() + "\n";
        --count;
    }
    return rows;
}

// Both methods on these rows: the mean of the last steps is below the first ones', and so is the held-out loss.
void expect_learning(const Path& model, const std::string& rows) {
    for (const char* method : {"lora", "full"}) {
        CAPTURE(std::string(method));
        Scene scene;
        put(scene.rows(), rows);
        scene.flag("--model", model);
        scene.flag("--method", method);
        scene.flag("--max-steps", "30");
        scene.flag("--per-device-train-batch-size", "4");
        scene.flag("--learning-rate", "0.003");
        scene.flag("--eval-split", "0.2");
        scene.flag("--eval-strategy", "steps");
        scene.flag("--eval-steps", "5");
        const Ended ended = scene.run();
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        CHECK(ended.err.find("first example") != std::string::npos);
        const std::vector<Json> metrics = scene.metrics();
        REQUIRE(metrics.size() == 30);
        const auto mean = [&](size_t begin) {
            double sum = 0;
            for (size_t i = begin; i < begin + 5; ++i) sum += metrics[i]["loss"].get<double>();
            return sum / 5;
        };
        CHECK(mean(25) < mean(0));
        CHECK(metrics[29]["eval_loss"].get<double>() < metrics[4]["eval_loss"].get<double>());
        CHECK(std::filesystem::exists(scene.output() / "tokenizer.json"));
    }
}

}   // namespace

TEST_CASE("story-llama learns pieces of tinyshakespeare") {
    const auto model = test_data(kModel), text = test_data(kShakespeare);
    if (!model || !text) return skip(std::string("no ") + kModel + " or " + kShakespeare);
    expect_learning(*model, pieces(bytes_of(*text), 60, 300));
}

TEST_CASE("story-llama learns completions of prompts") {
    const auto model = test_data(kModel), file = test_data(kAlpaca);
    if (!model || !file) return skip(std::string("no ") + kModel + " or " + kAlpaca);
    expect_learning(*model, prompts(Json::parse(bytes_of(*file)), 60));
}
