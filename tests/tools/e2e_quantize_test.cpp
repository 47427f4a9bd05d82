// `llmft quantize` and QLoRA as a user runs them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/io/safetensors.h"
#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

const Path kGoldenFolder = source_dir() / "tests/golden";

// quantize writes into packed/.
struct QuantizeScene : Scene {
    Path packed() const { return path("packed"); }
    Ended quantize(std::vector<std::string> more, const std::string& model = "") const {
        more.insert(more.begin(),
                    {"quantize", "--model", model.empty() ? this->model().string() : model, "--output", packed()});
        return run_llmft(more);
    }
    void quantized(const std::vector<std::string>& more) const {
        const Ended ended = quantize(more);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
    }
    Json losses(std::vector<std::string> more) const {
        more.insert(more.begin(), {"eval", "--dataset", rows(), "--json", "--model"});
        const Ended ended = run_llmft(more);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        return Json::parse(ended.out);
    }
    void nothing_left() const {
        CHECK_FALSE(fs::exists(packed()));
        for (const auto& entry : fs::directory_iterator(path("")))
            CHECK_MESSAGE(entry.path().filename().string()[0] != '.', entry.path().string());
    }
};

void check_refused(const Ended& ended, const std::string& kind, const std::string& named) {
    CHECK(ended.code == 2);
    CHECK_MESSAGE(ended.err.starts_with("llmft: error E-" + kind + ": "), ended.err);
    CHECK_MESSAGE(ended.err.find(named) != std::string::npos, ended.err);
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK(ended.out.empty());
}

// What a run of train wrote that must not depend on where the four bits come from.
struct Trained {
    std::string adapter;
    std::vector<Json> losses;
    bool operator==(const Trained&) const = default;
};

Trained trained(Scene& scene) {
    const Ended ended = scene.run();
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    Trained result = {.adapter = scene.adapter(), .losses = {}};
    for (const Json& line : scene.metrics()) result.losses.push_back({line["loss"], line["grad_norm"]});
    fs::remove_all(scene.output());
    return result;
}

}   // namespace

TEST_CASE("quantize writes the bytes that transformers and bitsandbytes save, and their config") {
    for (const auto& [name, kind, double_quant] :
         {std::tuple{"tiny-nf4", "nf4", "true"}, std::tuple{"tiny-fp4", "fp4", "false"}}) {
        const QuantizeScene scene;
        const Ended ended =
            scene.quantize({"--quantization", kind, "--double-quant", double_quant}, kGoldenFolder / "tiny-wide");
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        CHECK(bytes_of(scene.packed() / "model.safetensors") == bytes_of(kGoldenFolder / name / "model.safetensors"));
        Json want = Json::parse(bytes_of(kGoldenFolder / name / "config.json"));
        want["quantization_config"]["bnb_4bit_compute_dtype"] = "bfloat16";   // asked for when the golden was made
        CHECK(Json::parse(bytes_of(scene.packed() / "config.json")) == want);
        CHECK(ended.err == "");
        CHECK(ended.out.find(std::string("14 linears, in ") + kind) != std::string::npos);
    }
}

TEST_CASE("a tied embedding is written once, as it is, and the small files come along") {
    QuantizeScene scene;
    put(scene.model() / "tokenizer_config.json", "{\"x\": 1}");
    put(scene.model() / "generation_config.json", "{}");
    const Ended ended = scene.quantize({"--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const Json summary = Json::parse(ended.out);
    CHECK(summary["linears"] == 14);
    CHECK(summary["dtype"] == "float32");
    CHECK(summary["parameters"] == 41664);
    CHECK(summary["plain_bytes"] == 4 * 41664);
    const Safetensors before = Safetensors::open(scene.weights());
    const Safetensors file = Safetensors::open(scene.packed() / "model.safetensors");
    int64_t bytes = 0;
    for (const SafeTensor& t : file.tensors()) bytes += static_cast<int64_t>(t.bytes.size());
    CHECK(summary["bytes"] == bytes);
    CHECK(file.find("lm_head.weight") == nullptr);
    for (const char* name : {"model.embed_tokens.weight", "model.norm.weight"}) {
        const Bytes a = file.find(name)->bytes, b = before.find(name)->bytes;
        CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    }
    CHECK(bytes_of(scene.packed() / "tokenizer_config.json") == "{\"x\": 1}");
    CHECK(fs::exists(scene.packed() / "generation_config.json"));
}

TEST_CASE("--dtype rounds everything first and is what the states say") {
    const QuantizeScene scene;
    scene.quantized({"--dtype", "bf16"});
    const Safetensors file = Safetensors::open(scene.packed() / "model.safetensors");
    for (const SafeTensor& t : file.tensors()) {
        if (t.name.find("quant_state") != std::string::npos)
            CHECK(std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()).find("\"bfloat16\"") !=
                  std::string::npos);
        if (t.name == "model.embed_tokens.weight") CHECK(t.dtype == "BF16");
    }
    const Json config = Json::parse(bytes_of(scene.packed() / "config.json"));
    CHECK(config["dtype"] == "bfloat16");
    CHECK(config["quantization_config"]["bnb_4bit_compute_dtype"] == "bfloat16");
}

TEST_CASE(
    "eval gives the same bits on the folder that quantize wrote and on the model that it quantises while it loads") {
    const QuantizeScene scene;
    for (const char* kind : {"nf4", "fp4"})
        for (const char* double_quant : {"true", "false"}) {
            scene.quantized({"--quantization", kind, "--double-quant", double_quant});
            const Json packed = scene.losses({scene.packed()});
            CHECK(packed == scene.losses({scene.model(), "--quantization", kind, "--double-quant", double_quant}));
            CHECK(packed != scene.losses({scene.model()}));
            CHECK(packed == scene.losses({scene.packed(), "--quantization", kind}));
            fs::remove_all(scene.packed());
        }
}

TEST_CASE("QLoRA trains the same adapter on a folder in four bits as on the model that it quantises while it loads") {
    QuantizeScene scene;
    scene.quantized({});
    for (const char* dtype : {"f32", "bf16"}) {
        scene.flag("--dtype", dtype);
        scene.flag("--model", scene.packed());
        scene.flag("--method", "lora");
        const Trained want = trained(scene);
        scene.flag("--method", "qlora");
        CHECK(trained(scene) == want);
        scene.flag("--model", scene.model());
        CHECK(trained(scene) == want);
        scene.flag("--method", "lora");
        CHECK(trained(scene) != want);
        scene.flag("--quantization", "nf4");
        CHECK(trained(scene) == want);
        scene.no_flag("--quantization");
    }
}

TEST_CASE("an adapter of a base in four bits is used, continued and merged over that base") {
    QuantizeScene scene;
    scene.quantized({});
    scene.flag("--model", scene.packed());
    const Ended first = scene.run();
    REQUIRE_MESSAGE(first.code == 0, first.err);
    CHECK(first.err.find("frozen linears in nf4, doubly quantised") != std::string::npos);
    const Json adapted = scene.losses({scene.packed(), "--adapter", scene.output()});
    CHECK(adapted == scene.losses({scene.model(), "--quantization", "nf4", "--adapter", scene.output()}));
    CHECK(adapted != scene.losses({scene.packed()}));
    const Safetensors adapter = Safetensors::open(scene.output() / "adapter_model.safetensors");
    for (const SafeTensor& t : adapter.tensors()) CHECK(t.dtype == "F32");   // as PEFT writes it

    const Ended merged = run_llmft({"merge", "--model", scene.packed(), "--adapter", scene.output(), "--output",
                                    scene.path("merged"), "--dtype", "f32"});
    REQUIRE_MESSAGE(merged.code == 0, merged.err);
    const double want = adapted["loss"].get<double>();
    // s·B·A is added to W before the product instead of after it: f32 roundings in another order.
    CHECK(std::abs(scene.losses({scene.path("merged")})["loss"].get<double>() - want) <= 1e-5 * want);

    fs::rename(scene.output(), scene.path("first"));
    scene.flag("--adapter", scene.path("first"));
    const Ended second = scene.run();
    CHECK_MESSAGE(second.code == 0, second.err);
}

TEST_CASE("the plan of QLoRA names codes and scales, and is what the run takes") {
    Scene scene;
    scene.flag("--method", "qlora");
    scene.command("plan");
    scene.flag("--gradient-checkpointing", "none");
    std::vector<std::string> arguments = scene.arguments();
    arguments.push_back("--json");
    const Ended ended = run_llmft(arguments);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    const Json plan = Json::parse(ended.out);
    int64_t codes = 0;
    std::vector<std::string> names;
    for (const Json& row : plan["memory"]) {
        names.push_back(row["name"].get<std::string>());
        for (const char* group : {"weights.qkv", "weights.o", "weights.gate_up", "weights.down"})
            if (names.back() == group) codes += row["bytes"].get<int64_t>();
    }
    for (const char* name : {"weights.scales", "weights.adapters"})
        CHECK(std::find(names.begin(), names.end(), name) != names.end());
    // Half a byte for each of the linears' 17856 a layer, rounded up to 256 bytes for each of seven.
    CHECK(codes >= 2 * 17856 / 2);
    CHECK(codes <= 2 * (17856 / 2 + 7 * 255));
    const int64_t peak = plan["peak_bytes"].get<int64_t>();
    scene.command("train");
    scene.flag("--tokens-per-microbatch", std::to_string(plan["tokens_per_microbatch"].get<int>()));
    scene.flag("--memory-limit", std::to_string(peak - 1));
    CHECK(scene.run().code == 3);
    scene.flag("--memory-limit", std::to_string(peak));
    CHECK(scene.run().code == 0);
}

TEST_CASE("weights in four bits are not trained, and not quantised again, with a line that says what to do") {
    QuantizeScene scene;
    scene.quantized({});
    scene.flag("--method", "full");
    scene.flag("--quantization", "nf4");
    check_refused(scene.run(), "USAGE", "use --method qlora");
    scene.no_flag("--quantization");
    scene.flag("--model", scene.packed());
    check_refused(scene.run(), "USAGE", "weights in nf4 cannot be trained");
    scene.flag("--method", "lora");
    scene.flag("--quantization", "fp4");
    check_refused(scene.run(), "USAGE", "nf4 already");
    CHECK_FALSE(fs::exists(scene.output()));
    check_refused(run_llmft({"quantize", "--model", scene.packed(), "--output", scene.path("again")}), "SCHEMA",
                  "quantization_config");
    CHECK_FALSE(fs::exists(scene.path("again")));
}

TEST_CASE("what quantize cannot do is exit 2, one line, and leaves nothing") {
    const QuantizeScene scene;
    check_refused(scene.quantize({"--quantization", "int8"}), "VALUE", "--quantization");
    check_refused(scene.quantize({}, scene.path("nowhere")), "MISSING", "nowhere");
    check_refused(run_llmft({"quantize", "--model", scene.model()}), "USAGE", "--output");
    fs::create_directory(scene.packed());
    put(scene.packed() / "mine", "x");
    check_refused(scene.quantize({}), "PATH", "--output");
    CHECK(bytes_of(scene.packed() / "mine") == "x");
    fs::remove_all(scene.packed());

    scene.config("vocab_size", 128);
    check_refused(scene.quantize({}), "SHAPE", "embed_tokens");
    scene.config("vocab_size", 127);
    std::string bytes = bytes_of(scene.weights());
    const float large = 1e6f;   // beyond f16
    std::memcpy(bytes.data() + bytes.size() - sizeof large, &large, sizeof large);
    put(scene.weights(), bytes);
    check_refused(scene.quantize({"--dtype", "f16"}), "VALUE", "model.norm.weight");
    const float nan = NAN;
    std::memcpy(bytes.data() + bytes.size() - sizeof nan, &nan, sizeof nan);
    put(scene.weights(), bytes);
    check_refused(scene.quantize({}), "VALUE", "model.norm.weight");
    scene.nothing_left();
}

TEST_CASE("a folder in four bits whose config says something else is refused") {
    const QuantizeScene scene;
    scene.quantized({});
    const auto evaluate = [&] {
        return run_llmft({"eval", "--model", scene.packed(), "--dataset", scene.rows(), "--json"});
    };
    const auto edit = [&](const std::function<void(Json&)>& act) {
        const std::string before = bytes_of(scene.packed() / "config.json");
        scene.change(scene.packed() / "config.json", act);
        const Ended ended = evaluate();
        put(scene.packed() / "config.json", before);
        return ended;
    };
    check_refused(edit([](Json& c) { c["quantization_config"]["bnb_4bit_use_double_quant"] = false; }), "SCHEMA",
                  "config.json says otherwise");
    check_refused(edit([](Json& c) { c["quantization_config"]["load_in_4bit"] = false; }), "SCHEMA", "load_in_4bit");
    check_refused(edit([](Json& c) { c["quantization_config"]["quant_method"] = "awq"; }), "SCHEMA", "awq");
    check_refused(edit([](Json& c) { c["intermediate_size"] = 79; }), "SHAPE", "_proj");
    // Without a word in the config, or with a module skipped, the weights are decoded once and computed on as plain
    // ones.
    const Json want = Json::parse(evaluate().out);
    for (const Ended& ended : {edit([](Json& c) { c.erase("quantization_config"); }),
                               edit([](Json& c) { c["quantization_config"]["llm_int8_skip_modules"] = {"q_proj"}; })}) {
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        CHECK(Json::parse(ended.out) == want);
    }
    // A plain model that claims to be in four bits.
    const Path plain = scene.model() / "config.json";
    scene.change(plain, [&](Json& c) {
        c["quantization_config"] = Json::parse(bytes_of(scene.packed() / "config.json"))["quantization_config"];
    });
    check_refused(run_llmft({"eval", "--model", scene.model(), "--dataset", scene.rows()}), "SCHEMA", "in four bits");
}
