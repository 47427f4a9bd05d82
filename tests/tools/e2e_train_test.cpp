// `llmft train` as a user runs it: losses, bits, continuing, steps, files, signals.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/few_tokens.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// The run has to succeed.
Ended done(const Scene& scene) {
    Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended;
}

// What has to be equal where the same thing was computed: a metrics line without its timing.
std::vector<Json> untimed(std::vector<Json> lines) {
    for (Json& line : lines)
        for (const char* name : {"tokens_per_second", "step_ms"}) line.erase(name);
    return lines;
}

struct Result {
    std::vector<Json> metrics;
    std::string adapter;
};

Result result_of(const Scene& scene) {
    Result result{.metrics = untimed(scene.metrics()), .adapter = scene.adapter()};
    REQUIRE(result.adapter.size() > 1000);
    REQUIRE_FALSE(result.metrics.empty());
    return result;
}

// A run of this scene with one more flag, in an output folder that is its own.
Result run_with(Scene& scene, const std::string& flag, const std::string& value) {
    fs::remove_all(scene.output());
    scene.flag(flag, value);
    done(scene);
    return result_of(scene);
}

std::vector<int64_t> evaluated_steps(const std::vector<Json>& metrics) {
    std::vector<int64_t> steps;
    for (const Json& line : metrics)
        if (line.contains("eval_loss")) steps.push_back(line["step"].get<int64_t>());
    return steps;
}

bool about(const Json& value, double wanted, double relative) {
    return std::abs(value.get<double>() - wanted) <= relative * std::abs(wanted);
}

void learn(Scene& scene) {
    scene.flag("--max-steps", "40");
    scene.flag("--eval-split", "0.3");
    scene.flag("--eval-strategy", "steps");
    scene.flag("--eval-steps", "10");
}

}   // namespace

TEST_CASE("LoRA and full fine-tuning lower the loss and the held-out loss of rows that are alike") {
    for (const char* method : {"lora", "full"}) {
        CAPTURE(std::string(method));
        Scene scene;
        put(scene.rows(), token_rows(16, 20, 3));
        learn(scene);
        scene.flag("--method", method);
        scene.flag("--learning-rate", "0.01");
        done(scene);
        const std::vector<Json> metrics = scene.metrics();
        REQUIRE(metrics.size() == 40);
        // Half of the start is far below what order and rounding do, and far above what 40 steps reach.
        CHECK(metrics.back()["loss"].get<double>() < 0.5 * metrics.front()["loss"].get<double>());
        CHECK(evaluated_steps(metrics) == std::vector<int64_t>{10, 20, 30, 40});
        CHECK(metrics[39]["eval_loss"].get<double>() < metrics[9]["eval_loss"].get<double>());
    }
}

TEST_CASE("full fine-tuning writes a model folder that evaluates to its held-out loss") {
    Scene scene;
    put(scene.path("held.jsonl"), token_rows(3, 9, 2));
    scene.flag("--method", "full");
    scene.flag("--eval-dataset", scene.path("held.jsonl"));
    done(scene);
    const Ended ended = run_llmft({"eval", "--model", scene.output(), "--dataset", scene.path("held.jsonl"), "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    // The same f32 sums over the same rows in other micro-batches: rounding alone.
    CHECK(about(Json::parse(ended.out)["loss"], scene.metrics().back()["eval_loss"].get<double>(), 1e-5));
}

TEST_CASE("an adapter evaluates to its held-out loss") {
    Scene scene;
    put(scene.path("held.jsonl"), token_rows(3, 9, 2));
    scene.flag("--learning-rate", "0.01");
    scene.flag("--eval-dataset", scene.path("held.jsonl"));
    done(scene);
    const Ended ended = run_llmft({"eval", "--model", scene.model(), "--adapter", scene.output(), "--dataset",
                                   scene.path("held.jsonl"), "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(about(Json::parse(ended.out)["loss"], scene.metrics().back()["eval_loss"].get<double>(), 1e-5));
}

TEST_CASE("the same command gives the same bytes, with any number of threads and by its own run.toml") {
    Scene scene;
    scene.flag("--max-steps", "5");
    scene.flag("--lora-dropout", "0.2");
    done(scene);
    const Result first = result_of(scene);
    for (const char* threads : {"1", "2", "3"}) {
        fs::remove_all(scene.output());
        REQUIRE(run_llmft(scene.arguments(), {{"OMP_NUM_THREADS", threads}}).code == 0);
        const Result again = result_of(scene);
        CHECK(again.metrics == first.metrics);
        CHECK(again.adapter == first.adapter);
    }
    const Ended rerun =
        run_llmft({"train", "--config", scene.output() / "run.toml", "--output-dir", scene.path("again")});
    REQUIRE_MESSAGE(rerun.code == 0, rerun.err);
    CHECK(bytes_of(scene.path("again") / "adapter_model.safetensors") == first.adapter);
    CHECK(bytes_of(scene.path("again") / "adapter_config.json") == bytes_of(scene.output() / "adapter_config.json"));
    CHECK(untimed(Scene::lines(scene.path("again") / "metrics.jsonl")) == first.metrics);
}

TEST_CASE("what the backward reruns changes no bit") {
    Scene scene;
    scene.flag("--lora-dropout", "0.2");
    const Result none = run_with(scene, "--gradient-checkpointing", "none");
    for (const char* policy : {"ffn", "full"}) {
        const Result other = run_with(scene, "--gradient-checkpointing", policy);
        CHECK(other.metrics == none.metrics);
        CHECK(other.adapter == none.adapter);
    }
}

TEST_CASE("how many tokens are computed at once changes rounding alone") {
    Scene scene;
    scene.flag("--max-steps", "5");
    scene.flag("--per-device-train-batch-size", "4");
    scene.flag("--lora-dropout", "0.2");
    const Result whole = run_with(scene, "--tokens-per-microbatch", "64");
    const Result single = run_with(scene, "--tokens-per-microbatch", "12");
    REQUIRE(single.metrics.size() == whole.metrics.size());
    for (size_t i = 0; i < whole.metrics.size(); ++i)
        for (const char* name : {"loss", "grad_norm"})
            // f32 sums of a few hundred terms in another order, through five steps.
            CHECK(about(single.metrics[i][name], whole.metrics[i][name].get<double>(), 1e-4));
}

TEST_CASE("--adapter continues where the adapter is, with its r, alpha and targets") {
    Scene scene;
    scene.make_adapter();
    const Ended state = run_llmft(
        {"eval", "--model", scene.model(), "--adapter", scene.path("adapter"), "--dataset", scene.rows(), "--json"});
    REQUIRE_MESSAGE(state.code == 0, state.err);
    scene.flag("--adapter", scene.path("adapter"));
    scene.flag("--lora-r", "32");
    scene.flag("--per-device-train-batch-size", "6");
    done(scene);
    CHECK(about(scene.metrics().front()["loss"], Json::parse(state.out)["loss"].get<double>(), 1e-5));
    const Json config = Json::parse(bytes_of(scene.output() / "adapter_config.json"));
    CHECK(config["r"] == 4);
    CHECK(config["lora_alpha"] == 12);
    CHECK(config["target_modules"] == Json{"q_proj", "down_proj"});
}

TEST_CASE("steps, epochs and what a window holds follow the rows") {
    const auto metrics = [](const std::vector<std::pair<std::string, std::string>>& flags) {
        Scene scene;
        put(scene.rows(), token_rows(5, 10, 1));
        scene.flag("--max-steps", "-1");
        for (const auto& [name, value] : flags) scene.flag(name, value);
        done(scene);
        return scene.metrics();
    };
    const std::vector<Json> whole = metrics({{"--num-train-epochs", "2"}});
    REQUIRE(whole.size() == 6);   // 2, 2 and 1 rows an epoch
    CHECK(whole[1]["num_tokens"].get<int>() == 40);
    CHECK(whole[2]["num_tokens"].get<int>() == 50);
    CHECK(whole[2]["epoch"].get<double>() == 1.0);
    CHECK(whole[5]["epoch"].get<double>() == 2.0);
    CHECK(metrics({{"--num-train-epochs", "0.5"}}).size() == 2);   // ceil(0.5 · 3)
    CHECK(metrics({{"--num-train-epochs", "1.1"}}).size() == 4);
    CHECK(metrics({{"--max-steps", "4"}, {"--num-train-epochs", "1"}}).size() == 4);
    CHECK(metrics({{"--gradient-accumulation-steps", "2"}, {"--num-train-epochs", "1"}}).size() == 2);
}

TEST_CASE("an option that the others leave without effect is noted, one that is at its default is not") {
    Scene scene;
    scene.flag("--method", "full");
    scene.flag("--max-steps", "1");
    scene.flag("--lora-r", "4");
    scene.flag("--lora-dropout", "0");
    scene.flag("--max-nan-skips", "3");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.find("--lora-r has no effect: it needs --method lora|qlora") != std::string::npos);
    CHECK(ended.err.find("--max-nan-skips has no effect: it needs --on-nan skip") != std::string::npos);
    CHECK(ended.err.find("--lora-dropout has no effect") == std::string::npos);
}

TEST_CASE("what is said of checkpoints and evaluations that are not made is noted") {
    Scene scene;
    scene.flag("--max-steps", "1");
    scene.flag("--save-strategy", "no");
    scene.flag("--save-total-limit", "3");
    scene.flag("--save-steps", "7");
    scene.flag("--eval-split", "0.3");
    scene.flag("--eval-strategy", "no");
    scene.flag("--eval-steps", "5");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    for (const char* line :
         {"--save-total-limit has no effect: it needs --save-strategy steps|epoch|best",
          "--save-steps has no effect: it needs --save-strategy steps",
          "--eval-steps has no effect: it needs --eval-strategy steps", "the rows for evaluation are never scored"})
        CHECK_MESSAGE(ended.err.find(line) != std::string::npos, line);
    const Ended again = run_llmft({"train", "--config", scene.output() / "run.toml", "--resume", "never",
                                   "--save-strategy", "steps", "--eval-strategy", "steps"});
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.err.find("has no effect") == std::string::npos);
}

TEST_CASE("--shuffle false takes the rows in the order of the file, again and again") {
    Scene scene;
    put(scene.rows(), token_rows(1, 5, 1) + token_rows(1, 7, 2) + token_rows(1, 11, 3));
    scene.flag("--shuffle", "false");
    scene.flag("--per-device-train-batch-size", "1");
    scene.flag("--max-steps", "5");
    done(scene);
    std::vector<int> seen;
    for (const Json& line : scene.metrics()) seen.push_back(line["num_tokens"].get<int>());
    CHECK(seen == std::vector<int>{5, 12, 23, 28, 35});
}

TEST_CASE("metrics.jsonl has a line a step with exactly its keys, and evaluation's where it was done") {
    Scene scene;
    scene.flag("--max-steps", "7");
    scene.flag("--logging-steps", "100");
    scene.flag("--eval-split", "0.3");
    done(scene);
    const std::string text = bytes_of(scene.output() / "metrics.jsonl");
    CHECK(std::count(text.begin(), text.end(), '\n') == 7);
    const std::vector<Json> metrics = scene.metrics();
    for (size_t i = 0; i < metrics.size(); ++i) {
        std::set<std::string> keys;
        for (const auto& [key, value] : metrics[i].items())
            if (!key.starts_with("eval_")) keys.insert(key);
        CHECK(metrics[i]["step"] == i + 1);
        CHECK(keys == std::set<std::string>{"step", "epoch", "loss", "grad_norm", "learning_rate", "num_tokens",
                                            "tokens_per_second", "mean_token_accuracy", "step_ms"});
    }
    CHECK(evaluated_steps(metrics) == std::vector<int64_t>{2, 4, 6, 7});   // four rows left: two steps an epoch
}

namespace {

// A run that would take minutes, once it has written some steps.
void await_steps(Process& process, const Path& metrics) {
    while (process.running() && Scene::lines(metrics).size() < 3)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::vector<std::string> endless(Scene& scene) {
    put(scene.rows(), token_rows(8, 120, 1));
    scene.flag("--max-steps", "1000000");
    scene.flag("--per-device-train-batch-size", "8");
    return scene.arguments();
}

}   // namespace

TEST_CASE("signals stop a run after its step: exit 75, whole lines, a checkpoint, an adapter that loads") {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
        Scene scene;
        Process process({.arguments = endless(scene)});
        await_steps(process, scene.output() / "metrics.jsonl");
        process.send(signal);
        const Ended ended = process.wait();
        CHECK(ended.code == 75);
        CHECK(ended.out.find("stopped on request") != std::string::npos);
        CHECK(bytes_of(scene.output() / "metrics.jsonl").ends_with("}\n"));
        const size_t steps = scene.metrics().size();
        CHECK(steps >= 3);
        CHECK(ended.out.find("checkpoint-" + std::to_string(steps)) != std::string::npos);
        const Ended good = run_llmft({"verify", scene.output() / ("checkpoint-" + std::to_string(steps))});
        CHECK_MESSAGE(good.code == 0, good.err);
        const Ended loaded =
            run_llmft({"eval", "--model", scene.model(), "--adapter", scene.output(), "--dataset", scene.rows()});
        CHECK_MESSAGE(loaded.code == 0, loaded.err);
    }
}

TEST_CASE("a second SIGINT ends the run at once") {
    Scene scene;
    put(scene.rows(), token_rows(400, 120, 1));
    scene.flag("--max-steps", "10");
    scene.flag("--per-device-train-batch-size", "400");
    scene.flag("--gradient-accumulation-steps", "50");
    Process process({.arguments = scene.arguments()});
    // run.toml is written when the first step, which takes seconds, is about to begin.
    while (process.running() && !fs::exists(scene.output() / "metrics.jsonl"))
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    process.send(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    process.send(SIGINT);
    const Ended ended = process.wait();
    CHECK(ended.signal == SIGINT);
    CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
}

TEST_CASE("the next command of a run works as it is printed, and says no more than it has to") {
    for (const char* method : {"lora", "qlora", "full"}) {
        CAPTURE(std::string(method));
        Scene scene;
        put(scene.model() / "tokenizer.json", few_tokens_json().dump());
        put(scene.rows(), "{\"prompt\":\"ab\",\"completion\":\"ca\"}\n");
        scene.flag("--method", method);
        scene.flag("--output-dir", scene.path("my run"));
        const Ended ended = scene.run();
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        const size_t begin = ended.out.find("\nnext       ");
        REQUIRE(begin != std::string::npos);
        const std::string command = ended.out.substr(begin + 12, ended.out.find('\n', begin + 1) - begin - 12);
        CAPTURE(command);
        CHECK(command.ends_with("--prompt ab"));
        CHECK((command.find("--quantization nf4") != std::string::npos) == (std::string(method) == "qlora"));
        CHECK(command.find("--dtype") == std::string::npos);
        CHECK(std::system((command + " --max-new-tokens 2 >/dev/null 2>&1").c_str()) == 0);
    }
}
