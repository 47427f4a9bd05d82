// `llmft runs`: what is found, what is said of it, the page that compares.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/tools/browser.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/self_contained.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// A folder that a run might have left.
void make_run(const Path& folder, const std::string& settings, const std::vector<double>& losses) {
    fs::create_directories(folder);
    put(folder / "run.toml", settings);
    std::string lines;
    for (size_t i = 0; i < losses.size(); ++i)
        lines += Json({{"step", i + 1},
                       {"loss", losses[i]},
                       {"num_tokens", 10 * (i + 1)},
                       {"tokens_per_second", 20},
                       {"step_ms", 500}})
                     .dump() +
                 "\n";
    put(folder / "metrics.jsonl", lines);
}

Json runs_of(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"runs", "--json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Ended ended = run_llmft(all);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return Json::parse(ended.out);
}

}   // namespace

TEST_CASE("runs finds a run that train wrote and says what metrics.jsonl says") {
    Scene scene;
    scene.flag("--eval-split", "0.3");
    scene.flag("--max-steps", "4");
    REQUIRE(scene.run().code == 0);
    const Json runs = runs_of({scene.path(".")});
    REQUIRE(runs.size() == 1);
    const std::vector<Json> lines = scene.metrics();
    double best = lines[0]["loss"];
    for (const Json& line : lines) best = std::min(best, line["loss"].get<double>());
    CHECK(runs[0]["loss"] == lines.back()["loss"]);
    CHECK(runs[0]["best_loss"] == best);
    CHECK(runs[0]["eval_loss"] == lines.back()["eval_loss"]);
    CHECK(runs[0]["steps"] == 4);
    CHECK(runs[0]["method"] == "lora");
    CHECK(runs[0]["model"] == scene.model().string());
    CHECK(runs[0]["finished"] == true);
}

TEST_CASE("runs looks into several folders and below them, but not into checkpoints of a run") {
    const Scene scene;
    make_run(scene.path("a/deep/one"), "method = \"lora\"\nlora_r = 8\n", {3, 2, 1});
    make_run(scene.path("a/two"), "method = \"full\"\n", {2, 1, 1.5});
    make_run(scene.path("a/two/checkpoint-2"), "", {9});
    make_run(scene.path("b"), "method = \"lora\"\n", {7});
    const Json runs = runs_of({scene.path("a"), scene.path("b")});
    REQUIRE(runs.size() == 3);
    CHECK(runs[0]["folder"] == scene.path("a/deep/one").string());
    CHECK(runs[1]["loss"] == 1.5);
    CHECK(runs[1]["best_loss"] == 1.0);
    CHECK(runs[1]["seconds"] == 1.5);
    CHECK(runs[1]["tokens_per_second"] == 20);
    CHECK(runs[1]["eval_loss"].is_null());
    CHECK(runs[1]["finished"] == false);
    CHECK(runs[2]["method"] == "lora");
    const std::string table = run_llmft({"runs", scene.path("a")}).out;
    CHECK(table.find("not finished") != std::string::npos);
    CHECK(table.find("1.5000") != std::string::npos);
}

TEST_CASE("a run that is still being written is read up to its last whole line") {
    const Scene scene;
    make_run(scene.path("a"), "", {3, 2});
    put(scene.path("a/metrics.jsonl"), bytes_of(scene.path("a/metrics.jsonl")) + "{\"step\": 3, \"lo");
    CHECK(runs_of({scene.path("a")})[0]["steps"] == 2);
}

TEST_CASE("a run that cannot be read is left out of the list with a warning, and refused where it is the only one") {
    const Scene scene;
    make_run(scene.path("a/good"), "", {3, 2});
    make_run(scene.path("a/broken"), "lora_r = = 8\n", {3, 2});
    const Ended listed = run_llmft({"runs", "--json", scene.path("a")});
    REQUIRE_MESSAGE(listed.code == 0, listed.err);
    CHECK(Json::parse(listed.out).size() == 1);
    CHECK(listed.err.find("a/broken is left out: ") != std::string::npos);
    CHECK(run_llmft({"runs", scene.path("a/broken")}).code == 2);
    make_run(scene.path("a/good"), "[", {3, 2});
    CHECK(run_llmft({"runs", scene.path("a")}).code == 2);
}

TEST_CASE("the page that compares runs shows settings that differ and is self-contained") {
    const Scene scene;
    make_run(scene.path("a/one"), "model = \"<script>x</script>\"\nlora_r = 8\nseed = 42\n", {3, 2, 1});
    make_run(scene.path("a/two"), "model = \"m\"\nlora_r = 16\nseed = 42\n", {3, 1, 0.5});
    const Ended ended = run_llmft({"runs", scene.path("a"), "--html", scene.path("page.html")});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const std::string page = bytes_of(scene.path("page.html"));
    expect_self_contained(page);
    CHECK(page.find("<td>lora_r</td><td>8</td><td>16</td>") != std::string::npos);
    CHECK(page.find("&lt;script&gt;x") != std::string::npos);
    CHECK(page.find("<td>seed</td>") == std::string::npos);
    CHECK(page.find("0.5000") != std::string::npos);
}

TEST_CASE("a run's name leads to its report, from where the page lies, where there is one") {
    const Scene scene;
    const std::string odd = "a \"b\"&<i>#1";
    make_run(scene.path("a/" + odd), "", {3, 2});
    put(scene.path("a/" + odd + "/report.html"), "");
    make_run(scene.path("a/two"), "", {3, 1});
    fs::create_directory(scene.path("pages"));
    REQUIRE(run_llmft({"runs", scene.path("a"), "--html", scene.path("pages/page.html")}).code == 0);
    const std::string page = bytes_of(scene.path("pages/page.html"));
    expect_self_contained(page);
    CHECK(page.find("<td><a href=\"../a/a%20%22b%22%26%3Ci%3E%231/report.html\">a &quot;b&quot;&amp;&lt;i&gt;#1, not "
                    "finished</a></td>") != std::string::npos);
    CHECK(page.find("<td>two, not finished</td>") != std::string::npos);
}

TEST_CASE("lora over a base in four bits is listed as qlora, whoever quantised it") {
    Scene scene;
    const Path quantised = scene.path("nf4");
    REQUIRE(run_llmft({"quantize", "--model", scene.model(), "--output", quantised, "--quantization", "nf4"}).code ==
            0);
    make_run(scene.path("a/1"), fmt::format("model = \"{}\"\nmethod = \"lora\"\n", quantised.string()), {1});
    make_run(scene.path("a/2"), "model = \"m\"\nmethod = \"lora\"\nquantization = \"fp4\"\n", {1});
    make_run(scene.path("a/3"), "model = \"m\"\nmethod = \"lora\"\nquantization = \"none\"\n", {1});
    make_run(scene.path("a/4"), fmt::format("model = \"{}\"\nmethod = \"lora\"\n", scene.model().string()), {1});
    const Json runs = runs_of({scene.path("a")});
    REQUIRE(runs.size() == 4);
    CHECK(runs[0]["method"] == "qlora");
    CHECK(runs[1]["method"] == "qlora");
    CHECK(runs[2]["method"] == "lora");
    CHECK(runs[3]["method"] == "lora");
    put(quantised / "config.json", "nonsense");
    CHECK(runs_of({scene.path("a")})[0]["method"] == "lora");
}

TEST_CASE("the page of runs has room in any window: nothing is wider, no word is broken") {
    const Scene scene;
    const std::string model = "model = \"some/folder/SmolLM2-135M-Instruct\"\nmethod = \"qlora\"\n";
    make_run(scene.path("a/first-run"), model + "lora_r = 8\n", {3, 2, 1});
    make_run(scene.path("a/second_" + std::string(60, 'x')), model + "lora_r = 16\n", {3, 1, 0.5});
    make_run(scene.path("a/third"), model + "dataset = \"" + std::string(90, 'd') + "\"\n", {3, 1, 0.5});
    REQUIRE(run_llmft({"runs", scene.path("a"), "--html", scene.path("page.html")}).code == 0);
    expect_fits_windows(scene.path("page.html"));
}

TEST_CASE("where there is no run, runs is exit 2 and says what to give") {
    const Scene scene;
    CHECK(run_llmft({"runs"}).code == 2);
    CHECK(run_llmft({"runs", scene.path("absent")}).err ==
          "llmft: error E-PATH: " + scene.path("absent").string() +
              ": is no folder; give a run's output folder, or one that holds some\n");
    const Ended empty = run_llmft({"runs", scene.model()});
    CHECK(empty.code == 2);
    CHECK(empty.err.find("no run lies here or below") != std::string::npos);
    make_run(scene.path("a"), "", {3});
    put(scene.path("a/metrics.jsonl"), "nonsense\n");
    CHECK(run_llmft({"runs", scene.path("a")}).err.starts_with("llmft: error E-SYNTAX: "));
}
