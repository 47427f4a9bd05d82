// report.html as runs of the program write it.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <iomanip>
#include <regex>
#include <sstream>

#include "engine/io/manifest.h"
#include "engine/log/metrics.h"
#include "engine/log/tensorboard.h"
#include "tests/tools/browser.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/few_tokens.h"
#include "tests/tools/self_contained.h"
#include "tools/commands.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

std::string report_of(const Scene& scene) {
    return bytes_of(scene.output() / "report.html");
}

// A scene whose rows have prompts.
struct PromptScene : Scene {
    PromptScene() {
        put(model() / "tokenizer.json", few_tokens_json().dump());
        std::string text;
        for (int i = 0; i < 6; ++i) text += "{\"prompt\":\"ab\",\"completion\":\"ca\"}\n";
        put(rows(), text);
        flag("--learning-rate", "0.05");
        flag("--max-steps", "12");
    }
};

std::string number(double value) {
    return fmt::format("{:.6g}", value);
}

std::string answer_of(const Scene& scene, const std::vector<std::string>& adapter) {
    std::vector<std::string> arguments = {"generate", "--model", scene.model(),      "--prompt",
                                          "ab",       "--json",  "--max-new-tokens", "64"};
    arguments.insert(arguments.end(), adapter.begin(), adapter.end());
    const Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return Json::parse(ended.out)["text"];
}

std::string shown(const char* title, const std::string& text) {
    return fmt::format("<h3>{}</h3><p class=\"text\">{}</p>", title, text);
}

}   // namespace

TEST_CASE("a run leaves a report whose numbers are those of metrics.jsonl, and verify covers it") {
    Scene scene;
    scene.flag("--max-steps", "7");
    scene.flag("--eval-split", "0.3");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const std::string page = report_of(scene);
    expect_self_contained(page);
    for (const Json& line : scene.metrics()) {
        CAPTURE(line.dump());
        for (const char* key : {"loss", "learning_rate", "grad_norm"})
            CHECK(page.find("<td class=\"n\">" + number(line[key]) + "</td>") != std::string::npos);
        if (line.contains("eval_loss")) CHECK(page.find(number(line["eval_loss"])) != std::string::npos);
    }
    CHECK(page.find("--per-device-train-batch-size") != std::string::npos);
    CHECK(page.find("llmft generate --model ") != std::string::npos);
    CHECK(read_manifest(scene.output()).files.contains("report.html"));
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
    put(scene.output() / "report.html", page + " ");
    CHECK(run_llmft({"verify", scene.output()}).code == 2);
}

TEST_CASE("a report's answers are those that generate gives with and without the adapter") {
    PromptScene scene;
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const std::string page = report_of(scene);
    const std::string before = answer_of(scene, {}), after = answer_of(scene, {"--adapter", scene.output()});
    CHECK(before != after);
    CHECK(page.find(shown("Before", before)) != std::string::npos);
    CHECK(page.find(shown("After", after)) != std::string::npos);
    CHECK(page.find(shown("Reference", "ca")) != std::string::npos);
}

TEST_CASE("the answers of full training begin with the base model's, too") {
    PromptScene scene;
    scene.flag("--method", "full");
    scene.flag("--report-samples", "1");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(report_of(scene).find(shown("Before", answer_of(scene, {}))) != std::string::npos);
}

TEST_CASE("answers change nothing of the result, and none are made where none are wanted") {
    PromptScene scene;
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter();
    fs::remove_all(scene.output());
    scene.flag("--report-samples", "0");
    REQUIRE(scene.run().code == 0);
    CHECK(scene.adapter() == adapter);
    CHECK(report_of(scene).find("<h3>Before") == std::string::npos);
    fs::remove_all(scene.output());
    scene.flag("--report-to", "none");
    REQUIRE(scene.run().code == 0);
    CHECK(scene.adapter() == adapter);
    CHECK_FALSE(fs::exists(scene.output() / "report.html"));
    CHECK(fs::exists(scene.output() / "metrics.jsonl"));
}

TEST_CASE("an unknown place to report to is refused with the nearest name") {
    Scene scene;
    scene.flag("--report-to", "jsonl,tensorbord");
    const Ended ended = scene.run();
    CHECK(ended.code == 2);
    CHECK(ended.err ==
          "llmft: error E-VALUE: --report-to: \"tensorbord\": not one of jsonl|html|tensorboard|none; "
          "did you mean tensorboard?\n");
    CHECK_FALSE(fs::exists(scene.output()));
}

TEST_CASE("a run that was resumed reports all steps, and its event file holds each once") {
    Scene scene;
    scene.flag("--max-steps", "4");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "2");
    scene.flag("--report-to", "html,tensorboard");
    REQUIRE(scene.run().code == 0);
    const auto size = [&] { return fs::file_size(scene.output() / EventWriter::kName); };
    const auto whole = size();
    const std::string first = bytes_of(scene.output() / EventWriter::kName);
    fs::remove_all(scene.output() / "checkpoint-4");
    REQUIRE(scene.run().code == 0);
    CHECK(size() == whole);
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
    const std::string page = report_of(scene);
    for (const Json& line : scene.metrics()) CHECK(page.find(number(line["loss"])) != std::string::npos);
}

TEST_CASE("a run that was stopped leaves a report of the steps so far") {
    Scene scene;
    scene.flag("--max-steps", "100000");
    Process process({.arguments = scene.arguments()});
    const Path metrics = scene.output() / "metrics.jsonl";
    while (process.running() && (!fs::exists(metrics) || fs::file_size(metrics) == 0)) usleep(1000);
    process.send(SIGTERM);
    const Ended ended = process.wait();
    CHECK(ended.code == 75);
    const std::string page = report_of(scene);
    expect_self_contained(page);
    CHECK(page.find("stopped on request") != std::string::npos);
    CHECK(page.find(number(scene.metrics().back()["loss"])) != std::string::npos);
}

TEST_CASE("a report has room in any window: nothing is wider, no word is broken") {
    PromptScene scene;
    scene.flag("--eval-split", "0.3");
    scene.flag("--learning-rate", "0.000015");
    scene.flag("--output-dir", scene.path("out_" + std::string(80, 'w')));
    REQUIRE(scene.run().code == 0);
    expect_fits_windows(scene.path("out_" + std::string(80, 'w')) / "report.html");
}

TEST_CASE("a report is called by the run's folder and says what made it, when and on what") {
    Scene scene;
    scene.flag("--method", "lora");
    scene.flag("--quantization", "nf4");
    REQUIRE(scene.run().code == 0);
    const std::string page = report_of(scene);
    CHECK(page.find("<title>out: llmft train</title>") != std::string::npos);
    CHECK(page.find("<h1>out</h1>") != std::string::npos);
    CHECK(page.find(scene.model().string() + ": qlora, ") != std::string::npos);
    const std::regex made(
        "<p class=\"subtitle\">llmft ([0-9.]+), ([-0-9]{10}) ([:0-9]{5}) [^,]*, .+, [0-9]+ threads?</p>");
    std::smatch found;
    REQUIRE(std::regex_search(page, found, made));
    CHECK(found[1] == std::string(version()));
    const std::time_t now = std::time(nullptr);
    std::tm end = {};
    std::istringstream(found[2].str() + found[3].str()) >> std::get_time(&end, "%Y-%m-%d%H:%M");
    end.tm_isdst = -1;
    const double ago = std::difftime(now, std::mktime(&end));
    CHECK(ago >= 0);
    CHECK(ago < 3600);   // minutes, and what a loaded machine takes to come here
}

TEST_CASE("a report of one step draws its values as dots, and says after which step it ended") {
    Scene scene;
    scene.flag("--max-steps", "1");
    REQUIRE(scene.run().code == 0);
    const std::string page = report_of(scene);
    CHECK(page.find("done after step 1<") != std::string::npos);
    CHECK(page.find("<path class=\"dots c0\" d=\"M500.0 ") != std::string::npos);
    CHECK(page.find("<path class=\"line") == std::string::npos);
}
