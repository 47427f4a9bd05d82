// run.toml through the real program: it says what the run computed, is that run again, and serves other commands.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "kernels/gemm/gemm.h"
#include "tests/tools/e2e_scene.h"
#include "tools/run_file.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;
using Settings = std::map<std::string, std::string>;

void done(const Ended& ended) {
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
}

Settings settings(const Path& output) {
    const auto pairs = run_file_values(output / "run.toml");
    return {pairs.begin(), pairs.end()};
}

Settings run_with(Scene& scene, const std::map<std::string, std::string>& flags) {
    fs::remove_all(scene.output());
    scene.no_flag("--learning-rate");
    for (const auto& [name, value] : flags) scene.flag(name, value);
    done(scene.run());
    return settings(scene.output());
}

}   // namespace

TEST_CASE("run.toml has the values that defaults stood for") {
    Scene lora, full, qlora;
    const Settings of_lora = run_with(lora, {{"--lora-r", "4"}, {"--seed", "7"}});
    CHECK(of_lora.at("learning_rate") == "0.0002");
    CHECK(of_lora.at("lora_alpha") == "8");
    CHECK(of_lora.at("data_seed") == "7");
    CHECK(of_lora.at("dtype") == "f32");
    CHECK(of_lora.at("device") == "auto");
    const Settings of_full = run_with(full, {{"--method", "full"}});
    CHECK(of_full.at("learning_rate") == "2e-05");
    CHECK(of_full.at("quantization") == "none");
    CHECK(run_with(qlora, {{"--method", "qlora"}}).at("quantization") == "nf4");
}

TEST_CASE("run.toml has the dtype that was computed in, and a note says where it is another than was asked for") {
    const bool has_bf16 = cpu::gemm_has(GemmEngine::kOneDnn, DType::kBf16);
    Scene scene;
    scene.flag("--dtype", "bf16");
    const Ended ended = scene.run();
    done(ended);
    CHECK(settings(scene.output()).at("dtype") == (has_bf16 ? "bf16" : "f32"));
    CHECK((ended.err.find("no bf16 products") != std::string::npos) == !has_bf16);
}

TEST_CASE("a run from a run.toml writes the same one and the same adapter") {
    for (const char* method : {"lora", "qlora"}) {
        CAPTURE(method);
        Scene scene;
        Settings first = run_with(scene, {{"--method", method}, {"--lora-dropout", "0.2"}, {"--dtype", "bf16"}});
        done(run_llmft({"train", "--config", scene.output() / "run.toml", "--output-dir", scene.path("again")}));
        Settings again = settings(scene.path("again"));
        CHECK(again.at("output_dir") == scene.path("again").string());
        again["output_dir"] = first["output_dir"];
        CHECK(again == first);
        CHECK(bytes_of(scene.path("again") / "adapter_model.safetensors") == scene.adapter());
    }
}

TEST_CASE("a run goes on by its run.toml, and after that by the command it began with") {
    Scene scene;
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "1");
    run_with(scene, {{"--max-steps", "2"}});
    const Ended more = run_llmft({"train", "--config", scene.output() / "run.toml", "--max-steps", "3"});
    done(more);
    CHECK(more.err.find("2 of 3 steps are done") != std::string::npos);
    const size_t change = more.err.find("max_steps was 2, is 3 from here on");
    REQUIRE(change != std::string::npos);
    CHECK(more.err.find(" from here on", change + 30) == std::string::npos);
    scene.flag("--max-steps", "3");
    const Ended same = scene.run();
    done(same);
    CHECK(same.err.find("3 of 3 steps are done") != std::string::npos);
    CHECK(same.err.find("from here on") == std::string::npos);
}

TEST_CASE("a run that asked for bf16 goes on by its run.toml, whatever this machine computed it in") {
    Scene scene;
    scene.flag("--save-strategy", "epoch");
    run_with(scene, {{"--max-steps", "3"}, {"--dtype", "bf16"}});
    const Ended again = run_llmft({"train", "--config", scene.output() / "run.toml"});
    done(again);
    CHECK(again.err.find("3 of 3 steps are done") != std::string::npos);
}

TEST_CASE("an adapter of all linears goes on as one: no setting differs and none is noted") {
    Scene scene;
    const Settings first = run_with(scene, {});
    const Ended ended = run_llmft({"train", "--config", scene.output() / "run.toml", "--adapter", scene.output(),
                                   "--output-dir", scene.path("on")});
    done(ended);
    CHECK(ended.err.find("is not used") == std::string::npos);
    Settings on = settings(scene.path("on"));
    on["adapter"] = first.at("adapter");
    on["output_dir"] = first.at("output_dir");
    CHECK(on == first);
}

TEST_CASE("other commands take a run.toml and pass over what is train's alone, but no unknown key") {
    Scene scene;
    run_with(scene, {});
    const Path file = scene.output() / "run.toml";
    const Ended eval = run_llmft({"eval", "--config", file, "--adapter", scene.output(), "--json"});
    done(eval);
    CHECK(Json::parse(eval.out).contains("loss"));
    CHECK(eval.err.find("run.toml: ") != std::string::npos);
    CHECK(eval.err.find(" settings of training are passed over") != std::string::npos);
    done(run_llmft({"inspect", "data", "--config", file}));
    const Ended plan = run_llmft({"plan", "--config", file});
    done(plan);
    CHECK(plan.err.find("passed over") == std::string::npos);   // it has them all
    done(run_llmft({"bench", "--config", file, "--max-seq-length", "8", "--bench-steps", "1", "--bench-warmup", "1"}));
    put(scene.path("wrong.toml"), bytes_of(file) + "adam_beta3 = 0.5\n");
    const Ended wrong = run_llmft({"eval", "--config", scene.path("wrong.toml")});
    CHECK(wrong.code == 2);
    CHECK(wrong.err.find("adam_beta3: unknown key") != std::string::npos);
    CHECK(std::count(wrong.err.begin(), wrong.err.end(), '\n') == 1);
}

TEST_CASE("a run file says nothing of where its run began: it goes on from what is there") {
    Scene scene;
    scene.flag("--resume", "never");
    scene.flag("--save-strategy", "epoch");
    done(scene.run());
    const Path file = scene.output() / "run.toml";
    CHECK(bytes_of(file).find("resume") == std::string::npos);
    const std::string adapter = scene.adapter();
    done(run_llmft({"train", "--config", file}));
    CHECK((scene.adapter() == adapter));
    CHECK(scene.metrics().size() == 2);
    CHECK_FALSE(fs::exists(scene.output() / "before-1"));
}

TEST_CASE("a run file may say true, 0 and [0, 1] where PEFT's configs do") {
    Scene scene;
    put(scene.path("mine.toml"),
        "init_lora_weights = false\nlayers_to_transform = [0]\nmemory_limit = 1000000000\nreport_to = [\"jsonl\"]\n");
    const Settings used = run_with(scene, {{"--config", scene.path("mine.toml")}});
    CHECK(used.at("init_lora_weights") == "false");
    CHECK(used.at("layers_to_transform") == "0");
    CHECK(used.at("memory_limit") == "1000000000");
    const Json config = Json::parse(bytes_of(scene.output() / "adapter_config.json"));
    CHECK(config["init_lora_weights"] == false);
    CHECK(config["layers_to_transform"] == Json::array({0}));
}
