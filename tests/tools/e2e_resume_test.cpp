// Checkpoints and resuming through the real program: a run that goes on from any checkpoint is, bit for bit, the run
// that never stopped.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "training_state.safetensors";

// Without what a clock decides.
std::vector<Json> timeless(std::vector<Json> lines) {
    for (Json& line : lines) {
        line.erase("step_ms");
        line.erase("tokens_per_second");
    }
    return lines;
}

// Seven steps, of which four make an epoch, with checkpoints after 2, 4, 6 and 7.
void seven_steps(Scene& scene) {
    put(scene.rows(), token_rows(8, 12, 1));
    scene.flag("--max-steps", "7");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "2");
    scene.flag("--learning-rate", "0.01");
}

std::string result_file(const Scene& scene) {
    const fs::path adapter = scene.output() / "adapter_model.safetensors";
    return bytes_of(fs::exists(adapter) ? adapter : scene.output() / "model.safetensors");
}

// What is in `from` but for the checkpoints beyond `step` and the result, as a kill after that checkpoint leaves it.
void copy_up_to(const fs::path& from, const fs::path& to, int64_t step) {
    fs::create_directory(to);
    fs::copy_file(from / "metrics.jsonl", to / "metrics.jsonl");
    for (const auto& entry : fs::directory_iterator(from)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("checkpoint-") && std::stoll(name.substr(11)) <= step)
            fs::copy(entry.path(), to / name, fs::copy_options::recursive);
    }
}

struct Cell {
    std::string method, dtype, accumulation, shuffle, evaluation, dropout;
};

std::vector<Cell> cells() {
    std::vector<Cell> all;
    for (const char* method : {"lora", "qlora", "full"})
        for (const char* dtype : {"f32", "bf16"})
            for (const char* accumulation : {"1", "3"})
                for (const char* shuffle : {"true", "false"})
                    for (const char* evaluation : {"no", "steps"})
                        all.push_back({method, dtype, accumulation, shuffle, evaluation,
                                       std::string(shuffle) == "true" && std::string(method) != "full" ? "0.2" : "0"});
    return all;
}

void set_up(Scene& scene, const Cell& cell) {
    seven_steps(scene);
    put(scene.path("held.jsonl"), token_rows(3, 9, 2));
    scene.flag("--method", cell.method);
    scene.flag("--dtype", cell.dtype);
    scene.flag("--gradient-accumulation-steps", cell.accumulation);
    scene.flag("--shuffle", cell.shuffle);
    scene.flag("--lora-dropout", cell.dropout);
    scene.flag("--lora-r", "4");
    if (cell.evaluation == "no") return;
    scene.flag("--eval-dataset", scene.path("held.jsonl"));
    scene.flag("--eval-strategy", "steps");
    scene.flag("--eval-steps", "3");
}

}   // namespace

TEST_CASE("a run that goes on from any checkpoint ends with the bits and the metrics of the unbroken run") {
    for (const Cell& cell : cells()) {
        CAPTURE(cell.method);
        CAPTURE(cell.dtype);
        CAPTURE(cell.accumulation);
        CAPTURE(cell.shuffle);
        CAPTURE(cell.evaluation);
        Scene scene;
        set_up(scene, cell);
        const Ended whole = scene.run();
        REQUIRE_MESSAGE(whole.code == 0, whole.err);
        const std::string want = result_file(scene);
        const auto want_metrics = timeless(scene.metrics());
        REQUIRE(want_metrics.size() == 7);
        const std::string want_state = bytes_of(scene.output() / "checkpoint-7" / kState);
        const fs::path unbroken = scene.path("unbroken");
        fs::rename(scene.output(), unbroken);
        for (const int64_t step : {2, 6}) {
            CAPTURE(step);
            copy_up_to(unbroken, scene.output(), step);
            const Ended ended = scene.run();
            REQUIRE_MESSAGE(ended.code == 0, ended.err);
            CHECK((result_file(scene) == want));   // bytes: not to be printed
            CHECK((bytes_of(scene.output() / "checkpoint-7" / kState) == want_state));
            CHECK(timeless(scene.metrics()) == want_metrics);
            fs::remove_all(scene.output());
        }
    }
}

TEST_CASE("a run that had ended and is started again computes nothing and leaves the same files") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter(), metrics = bytes_of(scene.output() / "metrics.jsonl");
    const Ended again = scene.run();
    CHECK(again.code == 0);
    CHECK((scene.adapter() == adapter));
    CHECK(bytes_of(scene.output() / "metrics.jsonl") == metrics);
    CHECK(again.err.find("7 of 7 steps are done") != std::string::npos);
    CHECK(again.out.find("done after step 7") != std::string::npos);
}

TEST_CASE("more steps go on where the run had ended, with a note") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    scene.flag("--max-steps", "9");
    const Ended more = scene.run();
    CHECK(more.code == 0);
    CHECK(more.err.find("max_steps was 7, is 9 from here on") != std::string::npos);
    CHECK(scene.metrics().size() == 9);
    scene.flag("--max-steps", "5");
    const Ended fewer = scene.run();
    CHECK(fewer.code == 2);
    CHECK(fewer.err.find("E-STATE") != std::string::npos);
    CHECK(fewer.err.find("this run ends at 5") != std::string::npos);
}

TEST_CASE("a checkpoint of another run is refused by what differs, and nothing is touched") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    const auto refused = [&](const char* named) {
        const std::string before = bytes_of(scene.output() / "run.toml");
        const Ended ended = scene.run();
        CAPTURE(ended.err);
        CHECK(ended.code == 2);
        CHECK(ended.err.find("E-STATE") != std::string::npos);
        CHECK(ended.err.find(named) != std::string::npos);
        CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
        CHECK(bytes_of(scene.output() / "run.toml") == before);
        CHECK(fs::exists(scene.output() / "checkpoint-7"));
    };
    const Json eps = Json::parse(bytes_of(scene.model() / "config.json")).at("rms_norm_eps");
    scene.flag("--lora-r", "8");
    refused("lora_r was 16, is 8");
    scene.no_flag("--lora-r");
    scene.flag("--seed", "1");
    refused("seed was 42, is 1");
    scene.no_flag("--seed");
    scene.flag("--dtype", "bf16");
    refused("dtype was f32, is bf16");
    scene.no_flag("--dtype");
    const std::string rows = bytes_of(scene.rows());
    put(scene.rows(), token_rows(8, 12, 2));
    refused("the rows are not");
    put(scene.rows(), rows);
    const std::string weights = bytes_of(scene.weights());
    for (const size_t from_end : {size_t{2}, size_t{10'002}}) {   // the last row, one in the middle of a tensor
        std::string other = weights;
        other[other.size() - from_end] = static_cast<char>(other[other.size() - from_end] ^ 1);
        put(scene.weights(), other);
        refused("the model is not");
    }
    put(scene.weights(), weights);
    scene.config("rms_norm_eps", 0.5);
    refused("config.json: rms_norm_eps was ");
    scene.config("rms_norm_eps", eps);
    scene.config("transformers_version", "9.9.9");   // computes nothing
    scene.config("made_by", "me");
    CHECK(scene.run().code == 0);
}

TEST_CASE("--resume never begins anew and sets the old checkpoints aside; a folder resumes from that checkpoint") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter();
    scene.flag("--seed", "7");
    scene.flag("--resume", "never");
    REQUIRE(scene.run().code == 0);
    CHECK((scene.adapter() != adapter));
    CHECK(scene.metrics().size() == 7);
    CHECK(fs::exists(scene.output() / "before-1" / "checkpoint-6"));
    CHECK(fs::exists(scene.output() / "checkpoint-6"));
    scene.flag("--seed", "42");
    scene.flag("--resume", scene.output() / "before-1" / "checkpoint-4");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK((scene.adapter() == adapter));
}

TEST_CASE("a damaged checkpoint is passed over with a line, and the run ends as if it had never been") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter();
    const fs::path newest = scene.output() / "checkpoint-7" / kState;
    std::string bytes = bytes_of(newest);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    put(newest, bytes);
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.find("checkpoint-7 is skipped") != std::string::npos);
    CHECK(ended.err.find("from tensor") != std::string::npos);
    CHECK(ended.err.find("checkpoint-7 was moved to " + (scene.output() / "before-1").string()) != std::string::npos);
    CHECK((scene.adapter() == adapter));
    CHECK(scene.metrics().size() == 7);
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
}

TEST_CASE("an interval alone means the strategy of steps, and one that is given holds") {
    Scene scene;
    put(scene.rows(), token_rows(16, 6, 1));
    scene.no_flag("--save-strategy");
    scene.flag("--save-steps", "2");
    scene.flag("--eval-split", "0.25");
    scene.flag("--eval-steps", "2");
    scene.flag("--max-steps", "5");
    REQUIRE(scene.run().code == 0);
    for (int step = 1; step <= 5; ++step) {
        CAPTURE(step);
        const bool there = step == 2 || step == 4 || step == 5;   // the last is always
        CHECK(fs::exists(scene.output() / ("checkpoint-" + std::to_string(step))) == there);
        CHECK(scene.metrics().at(static_cast<size_t>(step - 1)).contains("eval_loss") == there);
    }
    fs::remove_all(scene.output());
    scene.flag("--save-strategy", "no");
    REQUIRE(scene.run().code == 0);
    CHECK_FALSE(fs::exists(scene.output() / "checkpoint-2"));
}

TEST_CASE("the best weights are asked for only where a checkpoint is made at every evaluation, and are named") {
    Scene scene;
    put(scene.rows(), token_rows(16, 6, 1));
    scene.flag("--eval-split", "0.25");
    scene.flag("--eval-steps", "2");
    scene.flag("--eval-strategy", "steps");
    scene.flag("--load-best-model-at-end", "true");
    scene.flag("--max-steps", "4");
    const auto run_with = [&](const char* strategy, const char* steps) {
        scene.flag("--save-strategy", strategy);
        scene.flag("--save-steps", steps);
        return scene.run();
    };
    struct Saving {
        const char *strategy, *steps;
    };
    for (const Saving& saving : {Saving{"no", "2"}, Saving{"epoch", "2"}, Saving{"steps", "3"}}) {
        const Ended ended = run_with(saving.strategy, saving.steps);
        CAPTURE(std::string(saving.strategy));
        CHECK(ended.code == 2);
        CHECK(ended.err.find("checkpoints are not made where evaluations are") != std::string::npos);
        CHECK_FALSE(fs::exists(scene.output()));
    }
    for (const char* strategy : {"best", "steps"}) {
        const Ended ended = run_with(strategy, "2");
        CAPTURE(ended.err);
        CHECK(ended.code == 0);
        CHECK(ended.out.find("kept       the weights of step ") != std::string::npos);
        fs::remove_all(scene.output());
    }
}

TEST_CASE("--save-total-limit keeps that many, the best among them, which the run can end with") {
    Scene scene;
    put(scene.path("held.jsonl"), token_rows(3, 9, 5));
    seven_steps(scene);
    scene.flag("--save-steps", "1");
    scene.flag("--save-total-limit", "2");
    scene.flag("--eval-dataset", scene.path("held.jsonl"));
    scene.flag("--eval-strategy", "steps");
    scene.flag("--eval-steps", "1");
    scene.flag("--learning-rate", "0.3");   // the first evaluations are the best
    scene.flag("--load-best-model-at-end", "true");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    double best = 1e30;
    int64_t step = 0;
    for (const Json& line : scene.metrics())
        if (line.at("eval_loss").get<double>() < best) {
            best = line.at("eval_loss").get<double>();
            step = line.at("step").get<int64_t>();
        }
    REQUIRE(step < 7);
    CHECK(fs::exists(scene.output() / ("checkpoint-" + std::to_string(step))));
    CHECK(fs::exists(scene.output() / "checkpoint-7"));
    int64_t checkpoints = 0;
    for (const auto& entry : fs::directory_iterator(scene.output())) checkpoints += entry.is_directory();
    CHECK(checkpoints == 2);
    CHECK(scene.adapter() ==
          bytes_of(scene.output() / ("checkpoint-" + std::to_string(step)) / "adapter_model.safetensors"));
}

TEST_CASE("a run without gain ends early, and stays ended") {
    Scene scene;
    put(scene.path("held.jsonl"), token_rows(3, 9, 5));
    seven_steps(scene);
    scene.flag("--eval-dataset", scene.path("held.jsonl"));
    scene.flag("--eval-strategy", "steps");
    scene.flag("--eval-steps", "1");
    scene.flag("--learning-rate", "0.3");
    scene.flag("--early-stopping-patience", "2");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.out.find("ended early") != std::string::npos);
    const size_t steps = scene.metrics().size();
    CHECK(steps < 7);
    const std::string adapter = scene.adapter();
    CHECK(scene.run().code == 0);
    CHECK(scene.metrics().size() == steps);
    CHECK((scene.adapter() == adapter));
}

TEST_CASE("a second run into the same folder is refused while the first one writes to it") {
    Scene scene;
    put(scene.rows(), token_rows(8, 120, 1));
    scene.flag("--max-steps", "1000000");
    Process first({.arguments = scene.arguments()});
    while (first.running() && !fs::exists(scene.output() / "metrics.jsonl"))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const Ended second = scene.run();
    CHECK(second.code == 2);
    CHECK(second.err.find("E-STATE") != std::string::npos);
    CHECK(second.err.find("another llmft") != std::string::npos);
    first.send(SIGTERM);
    CHECK(first.wait().code == 75);
}

TEST_CASE("a checkpoint is an adapter or a model that other commands take") {
    for (const char* method : {"lora", "full"}) {
        CAPTURE(std::string(method));
        Scene scene;
        seven_steps(scene);
        scene.flag("--method", method);
        REQUIRE(scene.run().code == 0);
        const std::string checkpoint = scene.output() / "checkpoint-4";
        const bool full = std::string(method) == "full";
        std::vector<std::string> arguments = {"eval", "--dataset", scene.rows(), "--model",
                                              full ? checkpoint : std::string(scene.model())};
        if (!full) arguments.insert(arguments.end(), {"--adapter", checkpoint});
        const Ended scored = run_llmft(arguments);
        CHECK_MESSAGE(scored.code == 0, scored.err);
        const Ended shown = run_llmft({"inspect", checkpoint});
        CHECK_MESSAGE(shown.code == 0, shown.err);
        CHECK(shown.out.find("step 4") != std::string::npos);
    }
}

TEST_CASE("a run that began with an adapter goes on with that adapter alone") {
    Scene scene;
    seven_steps(scene);
    scene.make_adapter();
    scene.flag("--adapter", scene.path("adapter"));
    REQUIRE(scene.run().code == 0);
    CHECK(scene.run().code == 0);
    const Path weights = scene.path("adapter") / "adapter_model.safetensors";
    std::string bytes = bytes_of(weights);
    bytes[bytes.size() - 4] ^= 1;
    put(weights, bytes);
    const Ended other = scene.run();
    CHECK(other.code == 2);
    CHECK(other.err.find("E-STATE") != std::string::npos);
    CHECK(other.err.find("the adapter is not what the run began with") != std::string::npos);
    Scene late;
    seven_steps(late);
    REQUIRE(late.run().code == 0);
    fs::copy(late.output() / "checkpoint-2", late.path("later"), fs::copy_options::recursive);
    late.flag("--adapter", late.path("later"));   // of the same settings
    const Ended added = late.run();
    CHECK(added.code == 2);
    CHECK(added.err.find("the adapter is not what the run began with") != std::string::npos);
}

TEST_CASE("metrics that do not lead to the checkpoint are set aside, not written over") {
    Scene scene;
    seven_steps(scene);
    scene.flag("--max-steps", "6");
    REQUIRE(scene.run().code == 0);
    const Path metrics = scene.output() / "metrics.jsonl";
    const std::string text = bytes_of(metrics), cut = text.substr(text.find('\n') + 1);
    put(metrics, cut);
    scene.flag("--max-steps", "7");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.find("metrics.jsonl was moved to ") != std::string::npos);
    CHECK((bytes_of(scene.output() / "before-1" / "metrics.jsonl") == cut));
    CHECK(scene.metrics().size() == 1);
}

TEST_CASE("a run that had ended keeps its run.toml under other settings, and says that they change nothing") {
    Scene scene;
    seven_steps(scene);
    REQUIRE(scene.run().code == 0);
    const std::string settings = bytes_of(scene.output() / "run.toml"), adapter = scene.adapter();
    scene.flag("--learning-rate", "0.02");
    const Ended again = scene.run();
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(bytes_of(scene.output() / "run.toml") == settings);
    CHECK((scene.adapter() == adapter));
    CHECK(again.err.find("run.toml stays as it is") != std::string::npos);
    CHECK(again.err.find("learning_rate was 0.01, is 0.02; no step is left") != std::string::npos);
    scene.flag("--max-steps", "8");
    REQUIRE(scene.run().code == 0);
    CHECK(bytes_of(scene.output() / "run.toml") != settings);
}
