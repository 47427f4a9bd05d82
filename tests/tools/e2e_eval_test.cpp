// `llmft eval` and `llmft generate` as a user runs them.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// eval of tiny-gqa on these rows, with a file per row.
Ended evaluate(Scene& scene, const std::string& rows) {
    put(scene.rows(), rows);
    scene.command("eval");
    scene.flag("--per-row", scene.path("rows.out"));
    std::vector<std::string> arguments = scene.arguments();
    arguments.push_back("--json");
    Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended;
}

constexpr const char* kStory = "weights/story-llama-0.6M";

Json generate(const Path& model, std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", "--model", model, "--prompt", "Once upon a time", "--json"});
    const Ended ended = run_llmft(more);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return Json::parse(ended.out);
}

}   // namespace

TEST_CASE("--per-row has a line for every row in input order, also for those without anything to score") {
    Scene scene;
    const Ended ended = evaluate(scene, R"({"input_ids":[3,4,5,6,7,8,9]})"
                                        "\n"
                                        R"({"input_ids":[3]})"
                                        "\n\n"
                                        R"({"input_ids":[3,4,5],"labels":[3,-100,5]})"
                                        "\n"
                                        R"({"input_ids":[3,4],"labels":[3,-100]})"
                                        "\n"
                                        R"({"input_ids":[]})"
                                        "\n"
                                        R"({"input_ids":[9,8]})"
                                        "\n");
    const std::vector<Json> lines = Scene::lines(scene.path("rows.out"));
    const std::vector<int> wanted = {6, 0, 1, 0, 0, 1};
    REQUIRE(lines.size() == wanted.size());
    double sum = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
        std::set<std::string> keys;
        for (const auto& [key, value] : lines[i].items()) keys.insert(key);
        CHECK(keys == std::set<std::string>{"row", "nll", "tokens", "token_nll", "greedy_match"});
        CHECK(lines[i]["row"] == i);
        CHECK(lines[i]["tokens"] == wanted[i]);
        CHECK(lines[i]["token_nll"].size() == static_cast<size_t>(wanted[i]));
        CHECK(lines[i]["greedy_match"].get<int>() <= wanted[i]);
        double nll = 0;
        for (const Json& token : lines[i]["token_nll"]) nll += token.get<double>();
        // f32 sums of at most six terms.
        CHECK(std::abs(lines[i]["nll"].get<double>() - nll) <= 1e-5 * (1 + nll));
        sum += nll;
    }
    const Json report = Json::parse(ended.out);
    CHECK(report["rows"] == 6);
    CHECK(report["tokens"] == 8);
    CHECK(std::abs(report["loss"].get<double>() - sum / 8) <= 1e-6 * sum);
    CHECK(std::abs(report["perplexity"].get<double>() / std::exp(sum / 8) - 1) <= 1e-5);
}

TEST_CASE("rows are scored alike however many are computed at once") {
    Scene scene;
    evaluate(scene, token_rows(9, 17, 4));
    const std::vector<Json> together = Scene::lines(scene.path("rows.out"));
    scene.flag("--tokens-per-microbatch", "1");
    evaluate(scene, token_rows(9, 17, 4));
    const std::vector<Json> alone = Scene::lines(scene.path("rows.out"));
    REQUIRE(alone.size() == 9);
    for (size_t i = 0; i < alone.size(); ++i)
        // Products of other heights round differently, by a few ulps of sums of tens.
        CHECK(std::abs(alone[i]["nll"].get<double>() / together[i]["nll"].get<double>() - 1) <= 1e-5);
}

TEST_CASE("rows of which none scores are reported, not refused") {
    Scene scene;
    const Ended ended = evaluate(scene, "{\"input_ids\":[3]}\n{\"input_ids\":[3,4],\"labels\":[-100,-100]}\n");
    CHECK(ended.err.find("llmft: warning: ") != std::string::npos);
    CHECK(Json::parse(ended.out)["tokens"] == 0);
    CHECK(Json::parse(ended.out)["loss"].is_null());
    CHECK(Scene::lines(scene.path("rows.out")).size() == 2);
}

TEST_CASE("a row beyond the model's positions is scored whole, with a note") {
    Scene scene;
    const Ended ended = evaluate(scene, token_rows(2, 200, 1));   // tiny-gqa has 128 positions
    CHECK(ended.err.find("note: ") != std::string::npos);
    for (const Json& line : Scene::lines(scene.path("rows.out"))) CHECK(line["tokens"] == 199);
    scene.flag("--max-seq-length", "50");
    CHECK(evaluate(scene, token_rows(2, 200, 1)).err.find("cut to 50 tokens") != std::string::npos);
    CHECK(Scene::lines(scene.path("rows.out")).size() == 2);
    for (const Json& line : Scene::lines(scene.path("rows.out"))) CHECK(line["tokens"] == 49);
}

TEST_CASE("a row that --truncation drop drops has a line and nothing that is scored") {
    Scene scene;
    scene.flag("--max-seq-length", "50");
    scene.flag("--truncation", "drop");
    const Ended ended = evaluate(scene, token_rows(2, 60, 1) + token_rows(1, 20, 1));
    const std::vector<Json> lines = Scene::lines(scene.path("rows.out"));
    REQUIRE(lines.size() == 3);
    CHECK(lines[0]["tokens"] == 0);
    CHECK(lines[1]["token_nll"].empty());
    CHECK(lines[2]["tokens"] == 19);
    CHECK(Json::parse(ended.out)["tokens"] == 19);
    CHECK(ended.err.find("2 of 3 rows are not scored") != std::string::npos);
}

TEST_CASE("a path that --per-row cannot write is an error before anything is scored") {
    Scene scene;
    scene.command("eval");
    for (const Path& path : {scene.path("no/such/rows.out"), scene.model()}) {
        scene.flag("--per-row", path);
        std::filesystem::remove(scene.weights());   // would be the next error
        const Ended ended = scene.run();
        CHECK(ended.code == 2);
        CHECK(ended.err.starts_with("llmft: error E-PATH: "));
        CHECK(ended.out.empty());
    }
}

TEST_CASE("an evaluation that fails leaves nothing where --per-row points") {
    Scene scene;
    scene.command("eval");
    scene.flag("--per-row", scene.path("kept/rows.out"));
    std::filesystem::create_directory(scene.path("kept"));
    put(scene.path("kept/rows.out"), "old");
    std::filesystem::remove(scene.weights());
    CHECK(scene.run().code == 2);
    CHECK(bytes_of(scene.path("kept/rows.out")) == "old");
    CHECK(std::distance(std::filesystem::directory_iterator(scene.path("kept")), {}) == 1);
}

TEST_CASE("eval reports the metrics that it is asked for, of the base and of an adapter") {
    Scene scene;
    scene.make_adapter();
    scene.command("eval");
    const auto report = [&] {
        std::vector<std::string> arguments = scene.arguments();
        arguments.push_back("--json");
        const Ended ended = run_llmft(arguments);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        return Json::parse(ended.out);
    };
    const Json both = report();
    CHECK(both.contains("perplexity"));
    CHECK(both["accuracy"].get<double>() >= 0);
    scene.flag("--metric", "accuracy");
    CHECK_FALSE(report().contains("perplexity"));
    scene.flag("--metric", "perplexity");
    CHECK_FALSE(report().contains("accuracy"));
    scene.flag("--adapter", scene.path("adapter"));
    CHECK(report()["loss"] != both["loss"]);
    scene.flag("--metric", "perplexity,bleu");
    const Ended ended = scene.run();
    CHECK(ended.code == 2);
    CHECK(ended.err.find("bleu") != std::string::npos);
}

TEST_CASE("generate reports text, ids and why it ended; greedy is the same twice") {
    const auto folder = test_data(kStory);
    if (!folder) return skip(std::string("no ") + kStory);
    const Json eight = generate(*folder, {"--max-new-tokens", "8"});
    std::set<std::string> keys;
    for (const auto& [key, value] : eight.items()) keys.insert(key);
    CHECK(keys == std::set<std::string>{"text", "ids", "finish_reason"});
    CHECK(eight["ids"].size() == 8);
    CHECK(eight["finish_reason"] == "length");
    CHECK(generate(*folder, {"--max-new-tokens", "8"}) == eight);
    const Json none = generate(*folder, {"--max-new-tokens", "0"});
    CHECK(none["text"] == "");
    CHECK(none["ids"].empty());
    CHECK(none["finish_reason"] == "length");
    const Ended plain =
        run_llmft({"generate", "--model", *folder, "--prompt", "Once upon a time", "--max-new-tokens", "8"});
    CHECK(plain.out == eight["text"].get<std::string>() + "\n");
}

TEST_CASE("generation stops at an id that config.json or generation_config.json calls the end") {
    const auto folder = test_data(kStory);
    if (!folder) return skip(std::string("no ") + kStory);
    const Json eight = generate(*folder, {"--max-new-tokens", "8"});
    const int64_t stop = eight["ids"][4].get<int64_t>();
    size_t first = 0;
    while (eight["ids"][first] != stop) ++first;
    const TempFolder changed;
    for (const char* file : {"config.json", "generation_config.json"}) {
        std::filesystem::remove_all(changed.path() / "m");
        std::filesystem::create_directory(changed.path() / "m");
        for (const auto& entry : std::filesystem::directory_iterator(*folder))
            put(changed.path() / "m" / entry.path().filename(), bytes_of(entry.path()));
        Json json = Json::parse(bytes_of(*folder / file));
        json["eos_token_id"] = {json["eos_token_id"], stop};
        put(changed.path() / "m" / file, json.dump());
        const Json stopped = generate(changed.path() / "m", {"--max-new-tokens", "8"});
        CHECK(stopped["finish_reason"] == "stop");
        CHECK(stopped["ids"].size() - first <= 1);   // with or without the id that ended it
    }
}
