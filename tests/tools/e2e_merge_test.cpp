// `llmft merge` as a user runs it.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/io/safetensors.h"
#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// A model and an adapter of it that has learned something; `merge` writes into merged/.
struct MergeScene : Scene {
    MergeScene() { make_adapter(); }
    Path merged() const { return path("merged"); }
    Ended merge(std::vector<std::string> more, const std::string& adapters = "") const {
        more.insert(more.begin(), {"merge", "--model", model(), "--adapter",
                                   adapters.empty() ? path("adapter").string() : adapters, "--output", merged()});
        return run_llmft(more);
    }
    Json merged_json(std::vector<std::string> more, const std::string& adapters = "") const {
        more.push_back("--json");
        const Ended ended = merge(more, adapters);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        return Json::parse(ended.out);
    }
    double loss(const Path& of, const std::string& adapter = "") const {
        std::vector<std::string> arguments = {"eval", "--model", of, "--dataset", rows(), "--json"};
        if (!adapter.empty()) arguments.insert(arguments.end(), {"--adapter", adapter});
        const Ended ended = run_llmft(arguments);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        return Json::parse(ended.out)["loss"].get<double>();
    }
    // Nothing of a merge that failed is left, under no name.
    void nothing_left() const {
        CHECK_FALSE(fs::exists(merged()));
        for (const auto& entry : fs::directory_iterator(path("")))
            CHECK_MESSAGE(entry.path().filename().string()[0] != '.', entry.path().string());
    }
    // A second adapter, of other targets and rank.
    void make_other(const std::string& name, const std::string& rank) const {
        const Ended made =
            run_llmft({"train", "--model", model(), "--dataset", rows(), "--max-steps", "1", "--lora-r", rank,
                       "--target-modules", "v_proj,down_proj", "--learning-rate", "0.01", "--output-dir", path(name)});
        REQUIRE_MESSAGE(made.code == 0, made.err);
    }
};

constexpr double kSameLoss = 1e-5;   // f32 sums in another order, relative

void refused(const Ended& ended, const std::string& kind, const std::string& named, int code = 2) {
    CHECK(ended.code == code);
    CHECK_MESSAGE(ended.err.starts_with("llmft: error E-" + kind + ": "), ended.err);
    CHECK_MESSAGE(ended.err.find(named) != std::string::npos, ended.err);
    CHECK(ended.out.empty());
}

}   // namespace

TEST_CASE("merge writes a model folder that scores as base and adapter do, and proves it") {
    const MergeScene scene;
    put(scene.model() / "tokenizer_config.json", "{}");
    put(scene.model() / "generation_config.json", "{\"eos_token_id\": 2}");
    const Json report = scene.merged_json({});
    CHECK(report["tensors"] == 20);
    CHECK(report["changed"] == 4);   // q_proj and down_proj of two layers
    CHECK(report["dtype"] == "f32");
    CHECK(report["untied"] == false);
    CHECK(report["check"]["before_rounding"].get<double>() <= 1e-4 * report["check"]["largest_logit"].get<double>());
    CHECK(report["check"]["adapter_effect"].get<double>() > 0);
    const double want = scene.loss(scene.model(), scene.path("adapter"));
    CHECK(std::abs(scene.loss(scene.merged()) / want - 1) <= kSameLoss);
    CHECK(std::abs(scene.loss(scene.model()) / want - 1) > kSameLoss);   // the adapter has learned something
    CHECK(bytes_of(scene.merged() / "generation_config.json") == "{\"eos_token_id\": 2}");
    CHECK(fs::exists(scene.merged() / "tokenizer_config.json"));
    CHECK_FALSE(fs::exists(scene.merged() / "adapter"));
    const Ended inspected = run_llmft({"inspect", scene.merged(), "--json"});
    CHECK(Json::parse(inspected.out)["usable"]["weights"] == true);
}

TEST_CASE("merge says what it did and what comes next") {
    const MergeScene scene;
    const Ended ended = scene.merge({"--dataset", scene.rows()});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.out.find("4 of 20 tensors changed") != std::string::npos);
    CHECK(ended.out.find("largest difference from the logits of base and adapter") != std::string::npos);
    CHECK(ended.out.find("llmft generate --model ") != std::string::npos);
}

TEST_CASE("--dtype is of the weights written, and the check allows for its rounding") {
    for (const char* dtype : {"bf16", "f16", "f32"}) {
        const MergeScene scene;
        const Json report = scene.merged_json({"--dtype", dtype});
        CHECK(report["dtype"] == dtype);
        const Json config = Json::parse(bytes_of(scene.merged() / "config.json"));
        CHECK(config["torch_dtype"] == (dtype[0] == 'b' ? "bfloat16" : dtype[1] == '1' ? "float16" : "float32"));
        const Safetensors file = Safetensors::open(scene.merged() / "model.safetensors");
        for (const SafeTensor& tensor : file.tensors())
            CHECK(tensor.dtype == (dtype[0] == 'b' ? "BF16" : dtype[1] == '1' ? "F16" : "F32"));
    }
}

TEST_CASE("a weighted sum of adapters is their exact sum under cat") {
    const MergeScene scene;
    scene.make_other("other", "3");
    const std::string both = scene.path("adapter").string() + "," + scene.path("other").string();
    const Json report = scene.merged_json({"--adapter-weights", "1.5,-0.5"}, both);
    CHECK(report["changed"] == 6);
    CHECK(report["check"]["before_rounding"].get<double>() <= 1e-4 * report["check"]["largest_logit"].get<double>());
    const Ended adapter = run_llmft({"merge", "--model", scene.model(), "--adapter", both, "--adapter-weights",
                                     "1.5,-0.5", "--adapter-only", "--output", scene.path("sum")});
    REQUIRE_MESSAGE(adapter.code == 0, adapter.err);
    const Json config = Json::parse(bytes_of(scene.path("sum") / "adapter_config.json"));
    CHECK(config["r"] == 7);
    CHECK(config["lora_alpha"] == 7);
    CHECK(std::abs(scene.loss(scene.model(), scene.path("sum")) / scene.loss(scene.merged()) - 1) <= kSameLoss);
    // Twice half an adapter is the adapter.
    const std::string twice = scene.path("adapter").string() + "," + scene.path("adapter").string();
    fs::remove_all(scene.merged());
    scene.merged_json({"--adapter-weights", "0.5,0.5"}, twice);
    CHECK(std::abs(scene.loss(scene.merged()) / scene.loss(scene.model(), scene.path("adapter")) - 1) <= kSameLoss);
}

TEST_CASE("linear needs equal ranks") {
    const MergeScene scene;
    scene.make_other("other", "3");
    scene.make_other("same", "4");
    const std::string first = scene.path("adapter").string() + ",";
    refused(scene.merge({"--combination-type", "linear"}, first + scene.path("other").string()), "SHAPE", "cat");
    scene.nothing_left();
    CHECK(scene.merged_json({"--combination-type", "linear"}, first + scene.path("same").string())["changed"] == 6);
}

TEST_CASE("a base in four bits is merged as what it decodes to, in 16 bits") {
    const Path golden = source_dir() / "tests/golden";
    const TempFolder folder;
    const Ended ended = run_llmft({"merge", "--model", golden / "tiny-nf4", "--adapter",
                                   golden / "grad-lora-nf4/adapter", "--output", folder.path() / "merged", "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(Json::parse(ended.out)["dtype"] == "bf16");
    CHECK(ended.err.find("note: ") != std::string::npos);
    CHECK(ended.err.find("--model") != std::string::npos);   // the original can be given instead
    const Json config = Json::parse(bytes_of(folder.path() / "merged/config.json"));
    CHECK_FALSE(config.contains("quantization_config"));
}

TEST_CASE("a merge that cannot be leaves nothing") {
    const MergeScene scene;
    const Path golden = source_dir() / "tests/golden";
    refused(scene.merge({}, golden / "grad-lora-nf4/adapter"), "SHAPE", "adapter_model.safetensors");
    scene.nothing_left();
    refused(scene.merge({}, scene.path("none")), "MISSING", "none");
    refused(scene.merge({"--adapter-weights", "1,2"}), "USAGE", "2 weights for 1 adapters");
    refused(scene.merge({"--adapter-weights", "x"}), "VALUE", "x");
    refused(scene.merge({"--combination-type", "svd"}), "VALUE", "svd");
    refused(run_llmft({"merge", "--model", scene.model(), "--adapter", scene.path("adapter")}), "USAGE", "--output");
    refused(scene.merge({"--adapter-weights", "1e12", "--dtype", "f16"}), "NUMBER", "f16", 4);
    scene.nothing_left();
    fs::resize_file(scene.weights(), fs::file_size(scene.weights()) - 1);
    refused(scene.merge({}), "TRUNC", "model.safetensors");
    scene.nothing_left();
}

TEST_CASE("an adapter that makes the model's logits infinite is named, not the model") {
    const MergeScene scene;
    const Ended wild =
        run_llmft({"train", "--model", scene.model(), "--dataset", scene.rows(), "--max-steps", "1", "--learning-rate",
                   "1e30", "--report-samples", "0", "--output-dir", scene.path("wild")});
    REQUIRE_MESSAGE(wild.code == 0, wild.err);
    const Ended ended = scene.merge({}, scene.path("wild"));
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.err.find(scene.path("wild").string() + ": with it the model's logits are not finite") !=
          std::string::npos);
    scene.nothing_left();
}

TEST_CASE("merge overwrites nothing") {
    const MergeScene scene;
    const auto into = [&](const Path& output) {
        return run_llmft({"merge", "--model", scene.model(), "--adapter", scene.path("adapter"), "--output", output});
    };
    const std::string before = bytes_of(scene.weights());
    refused(into(scene.model()), "PATH", "not empty");
    refused(into(scene.path("adapter")), "PATH", "not empty");
    refused(into(scene.rows()), "PATH", "not a folder");
    refused(into(scene.rows() / "x"), "PATH", "rows.jsonl");
    CHECK(bytes_of(scene.weights()) == before);
    fs::create_directory(scene.path("empty"));
    CHECK(into(scene.path("empty")).code == 0);
    CHECK(into(scene.path("deep/er/merged/")).code == 0);
    CHECK(fs::exists(scene.path("deep/er/merged/model.safetensors")));
}

TEST_CASE("adapters that train whole modules are merged alone") {
    const Path golden = source_dir() / "tests/golden";
    const std::string saved = golden / "grad-lora-save-norms/adapter";
    const std::string model =
        golden / Json::parse(bytes_of(golden / "grad-lora-save-norms/case.json"))["model"].get<std::string>();
    const TempFolder folder;
    refused(run_llmft({"merge", "--model", model, "--adapter", saved, "--adapter-weights", "0.5", "--output",
                       folder.path() / "merged"}),
            "USAGE", "whole modules");
    const Ended ended =
        run_llmft({"merge", "--model", model, "--adapter", saved, "--output", folder.path() / "merged", "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
}
