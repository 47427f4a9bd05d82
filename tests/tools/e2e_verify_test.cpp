// `llmft verify` as a user runs it: what no command would load is bad, and what is bad hides nothing that is good.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/train/checkpoint_folder.h"
#include "tests/tools/bad_input/cases.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

void flip_in(const Path& file) {
    std::string bytes = bytes_of(file);
    bytes[bytes.size() / 2] ^= 4;
    put(file, bytes);
}

const BadCase kModels[] = {
    {42, "more layers than tensors", "MISSING", "model.layers.2", [](Scene& s) { s.config("num_hidden_layers", 3); }},
    {46, "fewer layers than tensors", "EXTRA", "model.layers.1", [](Scene& s) { s.config("num_hidden_layers", 1); }},
    {41, "another vocabulary", "SHAPE", "embed_tokens", [](Scene& s) { s.config("vocab_size", 128); }},
    {45, "a transposed weight", "SHAPE", "down_proj",
     [](Scene& s) { s.header([](Json& h) {
                        h["model.layers.0.mlp.down_proj.weight"]["shape"] = {80, 48};
                    }); }},
    {46, "a tensor of an unknown name", "EXTRA", "model.norm.wait",
     [](Scene& s) {
         s.header([](Json& h) { h["model.norm.wait"] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {0, 0}}}; });
     }},
    {14, "integers as weights", "DTYPE", "q_proj",
     [](Scene& s) { s.header([](Json& h) { h["model.layers.0.self_attn.q_proj.weight"]["dtype"] = "I32"; }); }},
};

void lead_nowhere(const Path& file) {
    fs::remove(file);
    fs::create_symlink("nowhere", file);
}

}   // namespace

TEST_CASE("verify finds a file of the model that is a link to nothing, whichever it is") {
    for (const char* name : {"config.json", "tokenizer.json", "special_tokens_map.json", "model.safetensors"}) {
        CAPTURE(std::string(name));
        Scene scene;
        lead_nowhere(scene.model() / name);
        const Ended ended = run_llmft({"verify", scene.model()});
        CHECK(ended.code == 2);
        expect_one_line(ended.err, "MISSING", std::string(name) + ": is a link to nothing");
    }
}

TEST_CASE("an adapter that is not what its manifest says is used by no command") {
    Scene scene;
    REQUIRE(scene.run().code == 0);
    flip_in(scene.output() / "adapter_model.safetensors");
    const std::string adapter = scene.output(), model = scene.model();
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"verify", adapter},
          {"eval", "--model", model, "--dataset", scene.rows(), "--adapter", adapter},
          {"merge", "--model", model, "--adapter", adapter, "--output", scene.path("merged")},
          {"train", "--model", model, "--dataset", scene.rows(), "--adapter", adapter, "--output-dir",
           scene.path("more")}}) {
        const Ended ended = run_llmft(command);
        CAPTURE(command.front());
        CHECK(ended.code == 2);
        expect_one_line(ended.err, "HASH", "adapter_model.safetensors");
    }
    put(scene.output() / "notes.txt", "mine");   // what is no part of the adapter is not looked at
    flip_in(scene.output() / "adapter_model.safetensors");
    put(scene.output() / "metrics.jsonl", "");
    CHECK(run_llmft({"eval", "--model", model, "--dataset", scene.rows(), "--adapter", adapter}).code == 0);
}

TEST_CASE("verify refuses a model whose weights are not those that its config.json describes, as train does") {
    CHECK(run_llmft({"verify", Scene().model()}).code == 0);
    for (const BadCase& bad : kModels) {
        CAPTURE(std::string(bad.what));
        Scene scene;
        bad.spoil(scene);
        const Ended ended = run_llmft({"verify", scene.model()});
        CAPTURE(ended.err);
        CHECK(ended.code == 2);
        CHECK(ended.out == "");
        expect_one_line(ended.err, bad.kind, bad.named);
        CHECK(scene.run().err == ended.err);
    }
}

TEST_CASE("verify lists what is good in a run's folder, and its error names the first that is bad and their number") {
    Scene scene;
    scene.flag("--max-steps", "4");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "1");
    scene.flag("--save-total-limit", "0");
    REQUIRE(scene.run().code == 0);
    flip_in(checkpoint_path(scene.output(), 2) / "training_state.safetensors");
    flip_in(checkpoint_path(scene.output(), 3) / "adapter_model.safetensors");
    fs::remove(scene.output() / "run.toml");
    const Ended page = run_llmft({"verify", scene.output()});
    CHECK(page.code == 2);
    for (const int64_t step : {1, 4})
        CHECK(page.out.find(checkpoint_path(scene.output(), step).string() + ": good: hashes (") != std::string::npos);
    for (const char* bad : {"checkpoint-2: bad: ", "checkpoint-3: bad: ", "run.toml: "})   // where there are several
        CHECK(page.out.find(bad) != std::string::npos);
    CHECK(std::count(page.out.begin(), page.out.end(), '\n') == 5);
    expect_one_line(page.err, "HASH", "checkpoint-2/training_state.safetensors");
    CHECK(page.err.find("(3 of 5 folders are bad)") != std::string::npos);

    const Ended ended = run_llmft({"verify", scene.output(), "--json"});
    CHECK(ended.code == 2);
    CHECK(ended.err == page.err);
    const Json json = Json::parse(ended.out);
    REQUIRE(json.size() == 5);
    for (size_t i = 0; i < 5; ++i) CHECK(json[i]["good"] == (i == 0 || i == 3));
    CHECK(json[4]["problem"].get<std::string>().find("run.toml") != std::string::npos);
}
