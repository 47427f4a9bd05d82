// What lies where a command is to write: nothing of it is lost.
#include <doctest/doctest.h>

#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

void expect_refused(const Ended& ended, const std::string& why) {
    CAPTURE(ended.err);
    CHECK(ended.code == 2);
    CHECK(ended.err.starts_with("llmft: error E-PATH: "));
    CHECK(ended.err.find(why) != std::string::npos);
}

}   // namespace

TEST_CASE("a result that another run left is set aside with its run's files, and nothing else is") {
    Scene scene;
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter(), settings = bytes_of(scene.output() / "run.toml");
    put(scene.output() / "thesis.txt", "mine");
    scene.flag("--lora-r", "4");
    const Ended ended = scene.run();
    CHECK_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.find("adapter_config.json") != std::string::npos);
    CHECK(ended.err.find(" were moved to " + (scene.output() / "before-1").string()) != std::string::npos);
    const Path aside = scene.output() / "before-1";
    CHECK((bytes_of(aside / "adapter_model.safetensors") == adapter));
    CHECK(bytes_of(aside / "run.toml") == settings);
    CHECK(bytes_of(scene.output() / "thesis.txt") == "mine");
    CHECK(scene.adapter().size() < adapter.size());
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
}

TEST_CASE("somebody's model is set aside before a model is trained into its folder") {
    Scene scene;
    fs::copy(scene.model(), scene.output());
    const std::string weights = bytes_of(scene.output() / "model.safetensors");
    scene.flag("--method", "full");
    REQUIRE(scene.run().code == 0);
    CHECK((bytes_of(scene.output() / "before-1" / "model.safetensors") == weights));
    CHECK(fs::exists(scene.output() / "before-1" / "config.json"));
    CHECK((bytes_of(scene.output() / "model.safetensors") != weights));
}

TEST_CASE("no output may be an input") {
    Scene scene;
    scene.make_adapter();
    fs::remove_all(scene.path("adapter") / "checkpoint-1");   // would be refused first, as another run's
    scene.flag("--adapter", scene.path("adapter"));
    scene.flag("--output-dir", scene.path("adapter"));
    const std::string adapter = bytes_of(scene.path("adapter") / "adapter_model.safetensors");
    expect_refused(scene.run(), "it is the folder of the adapter to begin with");
    CHECK((bytes_of(scene.path("adapter") / "adapter_model.safetensors") == adapter));
    scene.no_flag("--adapter");
    fs::create_directory(scene.path("rows"));
    const Path rows = scene.path("rows") / "metrics.jsonl";
    fs::copy_file(scene.rows(), rows);
    scene.flag("--dataset", rows);
    scene.flag("--output-dir", scene.path("rows"));
    expect_refused(scene.run(), "the run would write over its own rows there");
    CHECK(bytes_of(rows) == bytes_of(scene.rows()));

    const auto score_into = [&](const Path& file) {
        return run_llmft({"eval", "--model", scene.model(), "--adapter", scene.path("adapter"), "--dataset", rows,
                          "--per-row", file});
    };
    for (const Path& file : {rows, scene.model() / "config.json", scene.path("adapter") / "adapter_config.json"}) {
        const std::string before = bytes_of(file);
        expect_refused(score_into(file), "is an input");
        CHECK((bytes_of(file) == before));
    }
}
