// --model FILE.gguf: every command does with the file what it does with the Hugging Face folder of the same weights.
#include <doctest/doctest.h>

#include "tests/harness/paths.h"
#include "tests/model/gguf_of_folder.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const char* kMixed = "tests/golden/gguf-mixed/model.gguf";   // ten tensor types, stories260K's vocabulary

// The scene's model as a GGUF file.
Path gguf_of(const Scene& scene) {
    put(scene.path("model.gguf"), gguf_of_folder(scene.model()).file());
    return scene.path("model.gguf");
}

Ended run_ok(const Scene& scene) {
    Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended;
}

const char* kStories = R"({"text":"Once upon a time, there was a little girl named Lily."}
{"text":"The cat sat in the park. It was happy."}
)";

}   // namespace

TEST_CASE("eval and plan say of a GGUF file what they say of the folder, to the last bit") {
    Scene scene;
    scene.flag("--dtype", "f32");
    const Path gguf = gguf_of(scene);
    for (const char* command : {"eval", "plan"}) {
        scene.command(command);
        std::string out[2], rows[2];
        for (int i = 0; i < 2; ++i) {
            scene.flag("--model", i == 0 ? scene.model() : gguf);
            std::vector<std::string> arguments = scene.arguments();
            arguments.emplace_back("--json");
            if (command == std::string_view("eval")) {
                arguments.emplace_back("--per-row");
                arguments.push_back(scene.path("rows.out"));
            } else {
                arguments.insert(arguments.end(), {"--gflops", "100"});   // no measurement
            }
            const Ended ended = run_llmft(arguments);
            REQUIRE_MESSAGE(ended.code == 0, ended.err);
            out[i] = ended.out;
            rows[i] = bytes_of(scene.path("rows.out"));
        }
        CHECK(out[0] == out[1]);
        CHECK(rows[0] == rows[1]);
        CHECK(!out[0].empty());
    }
}

TEST_CASE("an adapter trained on a GGUF file is the one trained on the folder, byte for byte") {
    Scene scene;
    run_ok(scene);
    const std::string adapter = scene.adapter();
    std::filesystem::remove_all(scene.output());
    scene.flag("--model", gguf_of(scene));
    run_ok(scene);
    CHECK(scene.adapter() == adapter);
    const Json config = Json::parse(bytes_of(scene.output() / "adapter_config.json"));
    CHECK(config.at("base_model_name_or_path") == scene.path("model.gguf").string());
    CHECK_FALSE(std::filesystem::exists(scene.output() / "tokenizer.json"));   // the file has none
}

TEST_CASE("a full training of a GGUF file leaves a Hugging Face folder that scores texts the same by itself") {
    Scene scene;
    put(scene.rows(), kStories);
    scene.flag("--model", source_dir() / kMixed);
    scene.flag("--method", "full");
    scene.flag("--max-steps", "1");
    scene.flag("--learning-rate", "1e-60");   // nothing moves: 0 is none
    run_ok(scene);
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                             "chat_template.jinja", "generation_config.json"})
        CHECK(std::filesystem::exists(scene.output() / name));
    CHECK(Json::parse(bytes_of(scene.output() / "config.json")).at("torch_dtype") == "float32");

    Scene eval;
    put(eval.rows(), kStories);
    eval.command("eval");
    std::string out[2];
    for (int i = 0; i < 2; ++i) {
        eval.flag("--model", i == 0 ? source_dir() / kMixed : scene.output());
        std::vector<std::string> arguments = eval.arguments();
        arguments.insert(arguments.end(), {"--json", "--per-row", eval.path("rows.out")});
        const Ended ended = run_llmft(arguments);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        out[i] = ended.out + bytes_of(eval.path("rows.out"));
    }
    CHECK(out[0] == out[1]);
}

TEST_CASE("generate continues a text from a GGUF file alone") {
    const Ended ended = run_llmft(
        {"generate", "--model", source_dir() / kMixed, "--prompt", "Once upon", "--max-new-tokens", "5", "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(Json::parse(ended.out).at("ids").size() >= 1);
}

TEST_CASE("inspect tells what a GGUF file holds, and that nothing is wrong with it") {
    const Ended ended = run_llmft({"inspect", source_dir() / kMixed, "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const Json json = Json::parse(ended.out);
    CHECK(json.at("weights").at("tensors") == 20);
    CHECK(json.at("weights").at("types") == Json{{"BF16", 1},
                                                 {"F16", 1},
                                                 {"F32", 6},
                                                 {"Q2_K", 1},
                                                 {"Q3_K", 1},
                                                 {"Q4_0", 1},
                                                 {"Q4_1", 1},
                                                 {"Q4_K", 1},
                                                 {"Q5_0", 1},
                                                 {"Q5_1", 1},
                                                 {"Q5_K", 1},
                                                 {"Q6_K", 2},
                                                 {"Q8_0", 2}});
    CHECK(json.at("problems").empty());
    CHECK(json.at("usable").at("text") == true);
}

TEST_CASE("an adapter is trained on a GGUF file, its base in four bits too, and merged into a Hugging Face folder") {
    for (const char* quantization : {"none", "nf4"}) {
        CAPTURE(std::string(quantization));
        Scene scene;
        put(scene.rows(), kStories);
        scene.flag("--model", source_dir() / kMixed);
        scene.flag("--quantization", quantization);
        scene.flag("--learning-rate", "0.01");
        run_ok(scene);
        const Ended merged = run_llmft({"merge", "--model", source_dir() / kMixed, "--adapter", scene.output(),
                                        "--output", scene.path("merged"), "--dtype", "f32"});
        REQUIRE_MESSAGE(merged.code == 0, merged.err);   // its own check of the logits has passed
        for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                                 "chat_template.jinja", "generation_config.json"})
            CHECK(std::filesystem::exists(scene.path("merged") / name));
    }
}

TEST_CASE("a bad GGUF file is one line, exit 2 and no output folder") {
    const std::string good = bytes_of(source_dir() / kMixed);
    const struct {
        std::string what, bytes, kind;
    } cases[] = {
        {"cut in the header", good.substr(0, 3000), "TRUNC"},
        {"cut in the data", good.substr(0, good.size() - 1), "TRUNC"},
        {"no GGUF file", "PK\x03\x04 and so on", "SYNTAX"},
        {"another architecture", GgufBytes().value("general.architecture", gguf_text("bert")).file(), "SCHEMA"},
    };
    for (const auto& c : cases)
        for (const char* command : {"train", "plan", "eval", "generate"}) {
            CAPTURE(c.what);
            CAPTURE(std::string(command));
            Scene scene;
            scene.command(command);
            put(scene.path("bad.gguf"), c.bytes);
            scene.flag("--model", scene.path("bad.gguf"));
            if (command == std::string_view("generate")) scene.flag("--prompt", "x");
            const Ended ended = scene.run();
            CHECK(ended.code == 2);
            CHECK(ended.err.starts_with("llmft: error E-" + c.kind + ": "));
            CHECK(ended.err.find("bad.gguf") != std::string::npos);
            CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
            CHECK_FALSE(std::filesystem::exists(scene.output()));
        }
}

TEST_CASE("a folder that holds a GGUF file and no config.json is told to give the file") {
    Scene scene;
    const Path gguf = scene.model() / "x.gguf";
    put(gguf, "GGUF");
    std::filesystem::remove(scene.model() / "config.json");
    const Ended ended = scene.run();
    CHECK(ended.code == 2);
    CHECK(ended.err.starts_with("llmft: error E-MISSING: "));
    CHECK(ended.err.find("--model " + gguf.string()) != std::string::npos);
}

TEST_CASE("a GGUF file whose weight holds a NaN is refused with the element's number") {
    Scene scene;
    std::string bytes = gguf_of_folder(scene.model()).file();
    const float nan = std::nanf("");
    bytes.replace(bytes.size() - 64, sizeof nan, little(nan));   // in the last tensor, before its padding
    put(scene.path("model.gguf"), bytes);
    scene.flag("--model", scene.path("model.gguf"));
    const Ended ended = scene.run();
    CHECK(ended.code == 2);
    CHECK(ended.err.starts_with("llmft: error E-VALUE: "));
    CHECK(ended.err.find("model.norm.weight") != std::string::npos);
}
