// `llmft plan`, --help and --json of the real program. PEFT's counts of trainable parameters: trainable_test.cpp.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

struct Shape {
    int64_t hidden, layers, heads, kv_heads, ffn, vocabulary;
};

constexpr Shape k70B = {8192, 80, 64, 8, 28672, 128256};

// A folder with a config.json and nothing else.
void only_config(const Path& folder, const Shape& shape) {
    fs::create_directories(folder);
    const Json config = {{"model_type", "llama"},
                         {"architectures", {"LlamaForCausalLM"}},
                         {"hidden_act", "silu"},
                         {"hidden_size", shape.hidden},
                         {"num_hidden_layers", shape.layers},
                         {"num_attention_heads", shape.heads},
                         {"num_key_value_heads", shape.kv_heads},
                         {"intermediate_size", shape.ffn},
                         {"vocab_size", shape.vocabulary},
                         {"max_position_embeddings", 8192},
                         {"rms_norm_eps", 1e-5},
                         {"rope_theta", 500000.0},
                         {"tie_word_embeddings", false},
                         {"torch_dtype", "bfloat16"}};
    put(folder / "config.json", config.dump());
}

Ended plan(const Path& folder, std::vector<std::string> more) {
    more.insert(more.begin(), {"plan", "--model", folder});
    return run_llmft(more);
}

std::string trainable_line(const Path& folder) {
    const Ended ended = plan(folder, {});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended.out.substr(0, ended.out.find('\n'));
}

Json planned(const Path& folder, std::vector<std::string> more) {
    more.push_back("--json");
    const Ended ended = plan(folder, more);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err == "");
    return Json::parse(ended.out);
}

}   // namespace

TEST_CASE("the trainable line of SmolLM2-135M is PEFT's") {
    const auto folder = test_data("weights/smollm2-135m-instruct");
    if (!folder) return skip("no weights/smollm2-135m-instruct");
    CHECK(trainable_line(*folder) == "trainable params: 4,884,480 || all params: 139,399,488 || trainable%: 3.5039");
}

TEST_CASE("where rotary frequencies follow the length, it is said that each document's own counts") {
    for (const char* model : {"tiny-rope-longrope", "tiny-rope-dynamic", "tiny-rope-yarn", "tiny-qwen3"}) {
        CAPTURE(model);
        const Ended ended = plan(source_dir() / "tests/golden" / model, {"--lora-r", "4"});
        CHECK(ended.code == 0);
        const bool follows =
            std::string_view(model).ends_with("longrope") || std::string_view(model).ends_with("dynamic");
        CHECK((ended.err.find("follow the length of each document") != std::string::npos) == follows);
    }
}

TEST_CASE("a model of 70B is planned from its config.json alone, fits or not") {
    const TempFolder folder;
    only_config(folder.path(), k70B);
    constexpr int64_t kParameters = 70'553'706'496;
    for (const char* method : {"lora", "full"}) {
        CAPTURE(std::string(method));
        const Json json = planned(folder.path(), {"--method", method, "--memory-limit", "64GiB"});
        const bool full = std::string_view(method) == "full";
        CHECK(json["fits"] == false);
        CHECK(json["all_parameters"] == kParameters);
        CHECK((json["trainable_parameters"] == kParameters) == full);
        // f32 weights; with gradients and two moments when all are trained.
        CHECK(json["peak_bytes"].get<int64_t>() > (full ? 16 : 4) * kParameters);
        CHECK(plan(folder.path(), {"--method", method}).code == 0);
    }
}

TEST_CASE("the plan's peak is what training needs: it runs within it and not with a byte less") {
    Scene scene;
    scene.command("plan");
    scene.flag("--gradient-checkpointing", "none");
    std::vector<std::string> arguments = scene.arguments();
    arguments.push_back("--json");
    const Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK_FALSE(fs::exists(scene.output()));
    const int64_t peak = Json::parse(ended.out)["peak_bytes"].get<int64_t>();
    scene.command("train");
    scene.flag("--tokens-per-microbatch", std::to_string(Json::parse(ended.out)["tokens_per_microbatch"].get<int>()));
    scene.flag("--memory-limit", std::to_string(peak - 1));
    CHECK(scene.run().code == 3);
    CHECK_FALSE(fs::exists(scene.output()));
    scene.flag("--memory-limit", std::to_string(peak));
    CHECK(scene.run().code == 0);
}

TEST_CASE("the planned time is the run's tokens by its products alone, at the rate given, and what it costs") {
    const TempFolder folder;
    only_config(folder.path(), k70B);
    const std::vector<std::string> run = {"--max-seq-length",
                                          "512",
                                          "--max-steps",
                                          "30",
                                          "--gradient-accumulation-steps",
                                          "4",
                                          "--per-device-train-batch-size",
                                          "2",
                                          "--gflops",
                                          "1000"};
    const Json json = planned(folder.path(), run);
    double flops = 0;
    for (const Json& op : json["ops"])
        if (op["op"] == "gemm") flops += op["flops"].get<double>();
    const double rate = json["tokens_per_second"].get<double>();
    CHECK(rate == doctest::Approx(1e12 * json["tokens_per_microbatch"].get<double>() / flops));
    CHECK(json["run_tokens"] == 30 * 4 * 2 * 512);
    CHECK(json["run_seconds"].get<double>() * rate == doctest::Approx(30 * 4 * 2 * 512));
    std::vector<std::string> priced = run;
    priced.insert(priced.end(), {"--price-per-hour", "3600"});
    const Ended ended = plan(folder.path(), priced);
    CHECK(ended.out.find(fmt::format("which costs {:.2f}\n", json["run_seconds"].get<double>())) != std::string::npos);
    CHECK(planned(folder.path(), {"--gflops", "1000"})["run_seconds"] == 0);   // of no rows and no steps
}

TEST_CASE("plan counts the tokens that train learns from, and measures this machine where no rate is given") {
    Scene scene;
    scene.no_flag("--max-steps");
    scene.flag("--num-train-epochs", "2");
    REQUIRE(scene.run().code == 0);
    scene.command("plan");
    std::vector<std::string> arguments = scene.arguments();
    arguments.push_back("--json");
    const Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const Json json = Json::parse(ended.out);
    CHECK(json["run_tokens"] == scene.metrics().back().at("num_tokens"));
    CHECK(json["gflops"] > 0);
}

TEST_CASE("plan takes the run.toml that train wrote, and any batch that train takes") {
    Scene scene;
    REQUIRE(scene.run().code == 0);
    const Ended ended = run_llmft({"plan", "--config", scene.output() / "run.toml"});
    CHECK_MESSAGE(ended.code == 0, ended.err);
    const Json huge =
        planned(scene.model(), {"--per-device-train-batch-size", "262144", "--gradient-accumulation-steps", "262144"});
    CHECK(huge["tokens_per_microbatch"] == 2048);   // a row of --max-seq-length
}

TEST_CASE("--help of every command lists its options by group, on stdout alone") {
    for (const char* command : {"train", "plan", "eval", "generate"}) {
        const Ended ended = run_llmft({command, "--help"});
        CHECK(ended.code == 0);
        CHECK(ended.err == "");
        CHECK(ended.out.find("\nmodel:\n  --model ") != std::string::npos);
    }
    const std::string help = run_llmft({"train", "--help"}).out;
    for (const char* group : {"model", "method", "data", "batch", "schedule", "evaluation", "logging", "memory"})
        CHECK(help.find(std::string("\n") + group + ":\n") != std::string::npos);
}
