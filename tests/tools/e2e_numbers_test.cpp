// NaN and infinity in a run of the real program.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "tests/tools/e2e_scene.h"
#include "tests/tools/few_tokens.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

constexpr size_t kPoison = 96;   // a token
constexpr size_t kWidth = 48;    // of tiny-gqa

// What the function gives for each element of an f32 tensor of the model.
void set_elements(const Scene& scene, const char* name, const std::function<float(size_t, float)>& value) {
    std::string bytes = bytes_of(scene.weights());
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    const Json tensor = Json::parse(bytes.substr(sizeof header_bytes, header_bytes)).at(name);
    REQUIRE(tensor.at("dtype") == "F32");
    const size_t first = sizeof header_bytes + header_bytes + tensor.at("data_offsets")[0].get<size_t>();
    const size_t last = sizeof header_bytes + header_bytes + tensor.at("data_offsets")[1].get<size_t>();
    for (size_t at = first; at < last; at += sizeof(float)) {
        float x = 0;
        std::memcpy(&x, bytes.data() + at, sizeof x);
        x = value((at - first) / sizeof x, x);
        std::memcpy(bytes.data() + at, &x, sizeof x);
    }
    put(scene.weights(), bytes);
}

// Logits of 0 for whatever is read.
void silence(const Scene& scene) {
    set_elements(scene, "model.norm.weight", [](size_t, float) { return 0.0f; });
}

// Channel 0 of the embedding is that token's alone, and layer 0's queries blow it up beyond f32. Six rows in file
// order, of which the fourth has the token.
void poison(Scene& scene) {
    scene.flag("--shuffle", "false");
    scene.flag("--per-device-train-batch-size", "1");
    scene.flag("--max-steps", "6");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "2");
    put(scene.rows(),
        "{\"input_ids\":[5,6,7]}\n{\"input_ids\":[8,9]}\n{\"input_ids\":[9,8,7,6]}\n"
        "{\"input_ids\":[5,96,7,8]}\n{\"input_ids\":[11,12]}\n{\"input_ids\":[3,4,5]}\n");
    set_elements(scene, "model.embed_tokens.weight", [](size_t i, float x) {
        return i % kWidth != 0 ? x : i / kWidth == kPoison ? 1.0f : 0.0f;
    });
    set_elements(scene, "model.layers.0.self_attn.q_proj.weight",
                 [](size_t i, float x) { return i % kWidth != 0 ? x : 3e38f; });
}

}   // namespace

TEST_CASE("a loss that is not finite is exit 4 with step, micro-batch and row, and the state before it is saved") {
    Scene scene;
    poison(scene);
    scene.flag("--save-total-limit", "1");   // is no reason to give up an older state for one that leads here
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.err.find("llmft: error E-NUMBER: step 4: micro-batch 1 of 1 (rows 4): the loss is") !=
          std::string::npos);
    CHECK(ended.err.find("checkpoint-3 is the state before this step, --resume " +
                         (scene.output() / "checkpoint-2").string()) != std::string::npos);
    CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
    CHECK(scene.metrics().size() == 3);
    CHECK(fs::exists(scene.output() / "checkpoint-2"));
    const std::string report = bytes_of(scene.output() / "report.html");
    CHECK(report.find("ended at a number that is not finite") != std::string::npos);
    CHECK(report.find("--on-nan skip") != std::string::npos);
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
    // Skipped from there on, the run is the one that skipped all along.
    scene.flag("--on-nan", "skip");
    const Ended skipped = scene.run();
    REQUIRE_MESSAGE(skipped.code == 0, skipped.err);
    CHECK(skipped.err.find("step 4 was skipped: micro-batch 1 of 1 (rows 4)") != std::string::npos);
    CHECK(skipped.out.find("skipped    1 step\n") != std::string::npos);
    REQUIRE(scene.metrics().size() == 6);
    CHECK(scene.metrics()[3].at("loss").is_null());
    CHECK(scene.metrics()[3].contains("skipped"));
    CHECK(std::isfinite(scene.metrics()[4].at("loss").get<double>()));
    const std::string adapter = scene.adapter();
    fs::remove_all(scene.output());
    CHECK(scene.run().code == 0);
    CHECK((scene.adapter() == adapter));
}

TEST_CASE("steps skipped in a row are limited") {
    Scene scene;
    poison(scene);
    put(scene.rows(), "{\"input_ids\":[5,96,7,8]}\n{\"input_ids\":[6,96,7,8]}\n");
    scene.flag("--on-nan", "skip");
    scene.flag("--max-nan-skips", "3");
    const Ended ended = scene.run();
    CHECK(ended.code == 4);
    CHECK(ended.err.find("step 4:") != std::string::npos);
    CHECK(ended.err.find("3 steps in a row were skipped") != std::string::npos);
}

TEST_CASE("a gradient that is not finite names its tensor") {
    Scene scene;
    scene.flag("--learning-rate", "1e30");   // the second step's products overflow
    scene.flag("--max-steps", "20");
    scene.flag("--max-grad-norm", "0");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.err.find("E-NUMBER: step ") != std::string::npos);
    CHECK(ended.err.find("(rows ") != std::string::npos);
}

TEST_CASE("an evaluation that is not finite is exit 4, and nothing of its step is saved; under skip the run's end is") {
    Scene scene;
    scene.flag("--learning-rate", "1e30");
    scene.flag("--max-steps", "1");
    scene.flag("--eval-split", "0.3");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.err.find("E-NUMBER: step 1: the loss of the evaluation is ") != std::string::npos);
    CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
    CHECK_FALSE(fs::exists(scene.output() / "checkpoint-1"));
    scene.flag("--on-nan", "skip");
    scene.flag("--max-steps", "4");
    const Ended skipped = scene.run();
    CAPTURE(skipped.err);
    CHECK(skipped.code == 4);
    CHECK(skipped.err.find("steps of the run were all skipped") != std::string::npos);
    CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
}

TEST_CASE("a run that goes astray at its first step is reported at its second") {
    Scene scene;
    scene.flag("--method", "full");
    scene.flag("--learning-rate", "3");
    scene.flag("--max-steps", "4");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 0);
    CHECK(ended.err.find("step 2: the loss ") != std::string::npos);
    CHECK(ended.err.find("is far above the usual ") != std::string::npos);
    CHECK(ended.err.find("step 1: the loss ") == std::string::npos);
}

TEST_CASE("a first loss above that of any untrained model is said to be, in figures that can be read") {
    Scene scene;
    set_elements(scene, "model.norm.weight", [](size_t, float x) { return x * 1e9f; });
    scene.flag("--max-steps", "1");
    scene.flag("--learning-rate", "1e-30");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.err.find("step 1: the loss ") != std::string::npos);
    CHECK(ended.err.find("e+0") != std::string::npos);
    CHECK(ended.err.find(" is far above that of a model which knows nothing") != std::string::npos);
}

TEST_CASE("gradients that are all 0 are warned of in that step, and once") {
    Scene scene;
    silence(scene);
    scene.flag("--max-steps", "3");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 0);
    CHECK(ended.err.find("step 1: every gradient is 0") != std::string::npos);
    CHECK(ended.err.find("step 2: every gradient is 0") == std::string::npos);
    Scene sound;
    CHECK(sound.run().err.find("every gradient is 0") == std::string::npos);
}

TEST_CASE("where the only checkpoint is the state before a bad step, beginning anew is the way out") {
    Scene scene;
    poison(scene);
    scene.flag("--save-steps", "100");
    const Ended ended = scene.run();
    CHECK(ended.code == 4);
    CHECK(ended.err.find("checkpoint-3 is the state before this step, --resume never begins anew") !=
          std::string::npos);
}

TEST_CASE("eval names the row whose loss is not finite, and leaves no file of rows") {
    Scene scene;
    poison(scene);
    const Path file = scene.path("rows.out");
    const Ended ended = run_llmft({"eval", "--model", scene.model(), "--dataset", scene.rows(), "--per-row", file});
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.out == "");
    CHECK(ended.err.find("rows.jsonl:4: loss: is ") != std::string::npos);
    CHECK(ended.err.find("; run llmft verify " + scene.model().string()) != std::string::npos);
    CHECK_FALSE(fs::exists(file));
}

TEST_CASE("logits that are all 0 are exit 4 of generate and merge, and nothing is written") {
    Scene scene;
    scene.make_adapter();
    silence(scene);
    put(scene.model() / "tokenizer.json", few_tokens_json().dump());
    const Ended said = run_llmft({"generate", "--model", scene.model(), "--prompt", "a"});
    CAPTURE(said.err);
    CHECK(said.code == 4);
    CHECK(said.err.find("logits are all 0") != std::string::npos);
    const Ended merged = run_llmft(
        {"merge", "--model", scene.model(), "--adapter", scene.path("adapter"), "--output", scene.path("merged")});
    CAPTURE(merged.err);
    CHECK(merged.code == 4);
    CHECK(merged.err.find("E-NUMBER") != std::string::npos);
    CHECK(merged.err.find("logits are all 0") != std::string::npos);
    CHECK_FALSE(fs::exists(scene.path("merged")));
}

TEST_CASE("a loss far above those before it is reported with its step, and changes nothing") {
    Scene scene;
    scene.flag("--shuffle", "false");
    scene.flag("--per-device-train-batch-size", "1");
    scene.flag("--max-steps", "42");
    scene.flag("--learning-rate", "0.01");
    std::string rows;
    for (int i = 0; i < 40; ++i) rows += "{\"input_ids\":[5,6,7,8,9,10]}\n";
    put(scene.rows(), rows + "{\"input_ids\":[90,3,81,4,77,5]}\n{\"input_ids\":[5,6,7,8,9,10]}\n");
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.find("step 41: the loss ") != std::string::npos);
    CHECK(ended.err.find("is far above the usual ") != std::string::npos);
    CHECK(ended.err.find("step 42: the loss ") == std::string::npos);
}
