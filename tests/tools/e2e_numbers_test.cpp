// NaN and infinity in a run of the real program.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// A model in which token 99 overflows the loss, and six rows in file order of which the fourth has that token.
void poison(Scene& scene) {
    scene.flag("--shuffle", "false");
    scene.flag("--per-device-train-batch-size", "1");
    scene.flag("--max-steps", "6");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "2");
    std::string rows;
    for (int i = 0; i < 6; ++i) rows += i == 3 ? "{\"input_ids\":[5,99,7,8]}\n" : token_rows(1, 5, i);
    put(scene.rows(), rows);
    std::string bytes = bytes_of(scene.weights());
    const Json header = Json::parse(
        bytes.substr(8, static_cast<unsigned char>(bytes[8 - 8]) + 256 * static_cast<unsigned char>(bytes[1])));
    const Json& embedding = header.at("model.embed_tokens.weight");
    const size_t data = 8 + static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]);
    const auto width = embedding.at("shape")[1].get<size_t>();
    const size_t row = data + embedding.at("data_offsets")[0].get<size_t>() + 99 * width * sizeof(float);
    const float huge = 3e38f;
    for (size_t i = 0; i < width; ++i) std::memcpy(bytes.data() + row + i * sizeof huge, &huge, sizeof huge);
    put(scene.weights(), bytes);
}

}   // namespace

TEST_CASE("a loss that is not finite is exit 4 with step, micro-batch and row, and the state before it is saved") {
    Scene scene;
    poison(scene);
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 4);
    CHECK(ended.err.find("llmft: error E-NUMBER: step 4: micro-batch 1 of 1 (rows 3): the loss is") !=
          std::string::npos);
    CHECK(ended.err.find("checkpoint-3 is good") != std::string::npos);
    CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
    CHECK(scene.metrics().size() == 3);
    CHECK(run_llmft({"verify", scene.output()}).code == 0);
    // Skipped from there on, the run is the one that skipped all along.
    scene.flag("--on-nan", "skip");
    const Ended skipped = scene.run();
    REQUIRE_MESSAGE(skipped.code == 0, skipped.err);
    CHECK(skipped.err.find("step 4 was skipped: micro-batch 1 of 1 (rows 3)") != std::string::npos);
    CHECK(skipped.out.find("1 steps skipped") != std::string::npos);
    REQUIRE(scene.metrics().size() == 6);
    CHECK(scene.metrics()[3].at("loss").is_null());
    CHECK(scene.metrics()[3].contains("skipped"));
    CHECK(std::isfinite(scene.metrics()[4].at("loss").get<double>()));
    const std::string adapter = scene.adapter();
    fs::remove_all(scene.output());
    CHECK(scene.run().code == 0);
    CHECK(scene.adapter() == adapter);
}

TEST_CASE("steps skipped in a row are limited") {
    Scene scene;
    poison(scene);
    put(scene.rows(), "{\"input_ids\":[5,99,7,8]}\n{\"input_ids\":[6,99,7,8]}\n");
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
