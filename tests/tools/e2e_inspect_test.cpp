// `llmft inspect` as a user runs it: what things are, what is wrong with them, and damaged ones in one line.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

Path golden(const std::string& name) {
    return source_dir() / "tests/golden" / name;
}

Json inspected(const Path& path, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"inspect", path, "--json"});
    const Ended ended = run_llmft(more);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    CHECK(ended.err.empty());
    CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') == 1);
    return Json::parse(ended.out);
}

std::string page(const Path& path, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"inspect", path});
    const Ended ended = run_llmft(more);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended.out;
}

// Exit 2, one line of that kind that names the place.
void refused(const std::vector<std::string>& arguments, const std::string& kind, const std::string& named) {
    const Ended ended = run_llmft(arguments);
    CHECK(ended.code == 2);
    CHECK_MESSAGE(ended.err.starts_with("llmft: error E-" + kind + ": "), ended.err);
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK_MESSAGE(ended.err.find(named) != std::string::npos, ended.err);
    CHECK(ended.out.empty());
}

}   // namespace

TEST_CASE("inspect describes a model folder: sizes, parameters, weights, and that it can be used") {
    const Json json = inspected(golden("tiny-gqa"));
    CHECK(json["kind"] == "model");
    CHECK(json["model_type"] == "llama");
    CHECK(json["parameters"] == 41664);
    CHECK(json["sizes"]["num_key_value_heads"] == 2);
    CHECK(json["rope"]["type"] == "default");
    CHECK(json["tie_word_embeddings"] == true);
    CHECK(json["weights"]["tensors"] == 20);
    CHECK(json["weights"]["types"]["F32"] == 20);
    CHECK(json["usable"]["weights"] == true);
    CHECK(json["usable"]["text"] == false);   // it has no tokenizer
    CHECK(inspected(golden("tiny-gqa/config.json"))["parameters"] == 41664);
    const std::string text = page(golden("tiny-gqa"));
    CHECK(text.find("a llama model, 41.7K parameters") != std::string::npos);
    CHECK(text.find("2 layers, 48 wide, MLP 80, vocabulary 127") != std::string::npos);
}

TEST_CASE("inspect tells what sets a family apart: biases, norms of q and k, windows, four bits, shards") {
    CHECK(inspected(golden("tiny-qwen2"))["traits"]["qkv_bias"] == true);
    CHECK(inspected(golden("tiny-qwen3"))["traits"]["qk_norm"] == true);
    const Json window = inspected(golden("tiny-qwen2-window"));
    CHECK(window["traits"]["sliding_window"] == 5);
    CHECK(window["traits"]["windowed_layers"] == 1);
    CHECK(inspected(golden("tiny-rope-yarn"))["rope"]["type"] == "yarn");
    CHECK(page(golden("tiny-rope-longrope")).find("by the length of each document") != std::string::npos);
    const Json four = inspected(golden("tiny-nf4"));
    CHECK(four["quantization"]["bnb_4bit_quant_type"] == "nf4");
    CHECK(four["problems"].size() == 1);   // no tokenizer
    CHECK(page(golden("tiny-nf4")).find("bitsandbytes nf4, twice quantised") != std::string::npos);
    CHECK(inspected(golden("tiny-sharded-bf16"))["weights"]["files"].size() == 4);
}

TEST_CASE("a model that llmft does not compute is described, with the reason") {
    Scene scene;
    scene.config("model_type", "gemma2");
    const Json json = inspected(scene.model());
    CHECK(json["model_type"] == "gemma2");
    CHECK(json["parameters"].is_null());
    CHECK(json["sizes"]["hidden_size"] == 48);
    CHECK(json["usable"]["plan"] == false);
    CHECK(json["problems"][0].get<std::string>().find("model_type") != std::string::npos);
    CHECK(page(scene.model()).find("llmft can     nothing") != std::string::npos);
}

TEST_CASE("a folder without weights can be planned with; weights of another model are a finding") {
    Scene scene;
    fs::remove(scene.weights());
    const Json none = inspected(scene.model());
    CHECK(none["weights"].is_null());
    CHECK(none["usable"]["plan"] == true);
    CHECK(none["usable"]["weights"] == false);
    fs::copy_file(golden("tiny-gqa/model.safetensors"), scene.weights());
    scene.config("num_hidden_layers", 3);
    CHECK(inspected(scene.model())["problems"][0].get<std::string>().find("model.layers.2") != std::string::npos);
    scene.config("num_hidden_layers", 2);
    scene.config("intermediate_size", 96);
    CHECK(inspected(scene.model())["problems"][0].get<std::string>().find("shape") != std::string::npos);
}

TEST_CASE("inspect lists a safetensors file, and counts what is not finite") {
    const TempFolder folder;
    const Path good = folder.write("a.safetensors", small_container());
    const Json json = inspected(good);
    CHECK(json["kind"] == "safetensors");
    CHECK(json["tensors"] == 4);
    CHECK(json["elements"] == 4 + 1 + 0 + 4);
    CHECK(json["metadata"]["format"] == "pt");
    CHECK(json["nan"] == 0);
    CHECK(json["tensor_list"][1]["name"] == "b.weight");
    CHECK(json["tensor_list"][1]["shape"].empty());
    CHECK(inspected(good, {"--values", "false"})["nan"].is_null());

    std::string spoiled = small_container();
    const size_t data = spoiled.size() - 22;
    spoiled.replace(data, 4, std::string("\x00\x00\xc0\x7f", 4));        // NaN
    spoiled.replace(data + 12, 4, std::string("\x00\x00\x80\xff", 4));   // -infinity
    spoiled.replace(data + 16, 2, std::string("\x80\x7f", 2));           // bf16 infinity
    const Path bad = folder.write("b.safetensors", spoiled);
    CHECK(inspected(bad)["nan"] == 1);
    CHECK(inspected(bad)["infinite"] == 2);
    CHECK(inspected(bad)["tensor_list"][0]["infinite"] == 1);
    CHECK(page(bad).find("1 NaN and 2 infinite, in a, b.weight") != std::string::npos);
}

TEST_CASE("--tensors lists every tensor, the first ones stand there without it") {
    const std::string few = page(golden("tiny-gqa/model.safetensors"));
    CHECK(few.find("… and 8 more: --tensors lists them") != std::string::npos);
    const std::string all = page(golden("tiny-gqa/model.safetensors"), {"--tensors"});
    CHECK(all.find("more: --tensors") == std::string::npos);
    CHECK(all.find("model.norm.weight") != std::string::npos);
}

TEST_CASE("inspect describes a GGUF file, as a model where llmft knows its architecture") {
    const Json json = inspected(golden("gguf-llama3/model.gguf"));
    CHECK(json["kind"] == "gguf");
    CHECK(json["architecture"] == "llama");
    CHECK(json["sizes"]["num_hidden_layers"].get<int>() > 0);
    CHECK(json["tensor_list"].size() > 10);
    CHECK(page(golden("gguf-llama3/model.gguf")).find("a llama model") != std::string::npos);
}

TEST_CASE("inspect describes an adapter: ranks and scalings by module, dtypes, what is trained whole") {
    const Json json = inspected(golden("grad-lora-rslora-patterns/adapter"));
    CHECK(json["kind"] == "adapter");
    CHECK(json["peft_type"] == "LORA");
    CHECK(json["usable"] == true);
    bool other_rank = false;
    for (const Json& module : json["modules"]) {
        const double rank = module["rank"].get<double>(), alpha = module["alpha"].get<double>();
        other_rank = other_rank || rank != json["config"]["r"].get<double>();
        CHECK(std::abs(module["scaling"].get<double>() - alpha / std::sqrt(rank)) <= 1e-12 * alpha);   // rsLoRA
    }
    CHECK(other_rank);
    CHECK(inspected(golden("grad-lora-save-norms/adapter"))["whole"].size() > 2);
    const std::string text = page(golden("grad-lora-tiny-gqa/adapter"));
    CHECK(text.find("an adapter, LORA") != std::string::npos);
    CHECK(text.find("q_proj") != std::string::npos);
}

TEST_CASE("inspect says whether an adapter fits a base") {
    const Path adapter = golden("grad-lora-tiny-gqa/adapter");
    CHECK(inspected(adapter, {"--model", golden("tiny-gqa")})["usable"] == true);
    const Json other = inspected(adapter, {"--model", golden("tiny-wide")});
    CHECK(other["usable"] == false);
    CHECK(other["problem"].get<std::string>().find("adapter_model.safetensors") != std::string::npos);
}

TEST_CASE("an adapter of another method is described, with the reason why llmft does not use it") {
    Scene scene;
    scene.make_adapter();
    scene.adapter_config("use_dora", true);
    const Json dora = inspected(scene.path("adapter"));
    CHECK(dora["usable"] == false);
    CHECK(dora["problem"].get<std::string>().find("use_dora") != std::string::npos);
    scene.adapter_config("peft_type", "ADALORA");
    CHECK(inspected(scene.path("adapter"))["peft_type"] == "ADALORA");
}

TEST_CASE("inspect counts the rows of a dataset by format and field") {
    const TempFolder folder;
    const Path rows = folder.write("rows.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"bcd\",\"id\":1}\n{\"x\":null}\n");
    const Json json = inspected(rows);
    CHECK(json["kind"] == "rows");
    CHECK(json["rows"] == 3);
    CHECK(json["blank_lines"] == 1);
    CHECK(json["formats"]["text"] == 2);
    CHECK(json["formats"]["unknown"] == 1);
    CHECK(json["fields"]["text"]["longest_text"] == 3);
    CHECK(page(rows).find("it refuses the first that differs") != std::string::npos);
}

TEST_CASE("inspect data prints tokens, labels and what would be dropped, a line for each row") {
    Scene scene;
    put(scene.rows(), "{\"input_ids\":[3,4,5],\"labels\":[-100,4,5]}\n{\"input_ids\":[7]}\n" + token_rows(1, 9, 1));
    const Ended ended = run_llmft({"inspect", "data", "--model", scene.model(), "--dataset", scene.rows(),
                                   "--max-seq-length", "4", "--truncation", "drop", "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    put(scene.path("out.jsonl"), ended.out);
    const std::vector<Json> lines = Scene::lines(scene.path("out.jsonl"));
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == Json::parse(R"({"row":0,"input_ids":[3,4,5],"labels":[-100,4,5],"text":""})"));
    CHECK(lines[1]["dropped"].is_string());
    CHECK(lines[2]["dropped"].is_string());
    CHECK(lines[2]["input_ids"].size() == 9);

    const Ended text = run_llmft({"inspect", "data", "--model", scene.model(), "--dataset", scene.rows()});
    CHECK(text.code == 0);
    CHECK(text.out.find("⟦3⟧ 4 5") != std::string::npos);
    CHECK(text.out.find("3, 1 dropped") != std::string::npos);
}

TEST_CASE("inspect data and decode need the tokenizer's files alone") {
    const auto folder = test_data("weights/story-llama-0.6M");
    if (!folder) return skip("no weights/story-llama-0.6M");
    const TempFolder tokenizer;
    for (const char* file : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"})
        fs::copy_file(*folder / file, tokenizer.path() / file);
    CHECK(inspected(tokenizer.path())["kind"] == "tokenizer");
    const Path rows = tokenizer.write("rows.jsonl", "{\"prompt\":\"Once upon\",\"completion\":\" a time\"}\n");
    const Ended data = run_llmft({"inspect", "data", "--model", tokenizer.path(), "--dataset", rows, "--json"});
    REQUIRE_MESSAGE(data.code == 0, data.err);
    const Json row = Json::parse(data.out);
    CHECK(row["labels"][0] == -100);
    CHECK(row["text"].get<std::string>().starts_with("Once upon a time"));
    const Path ids = tokenizer.write("ids.jsonl", Json{{"ids", row["input_ids"]}}.dump() + "\n{\"ids\":[]}\n");
    const Ended decoded = run_llmft({"inspect", "decode", "--model", tokenizer.path(), "--dataset", ids, "--json"});
    REQUIRE_MESSAGE(decoded.code == 0, decoded.err);
    const Json text = Json::parse(decoded.out.substr(0, decoded.out.find('\n')));
    CHECK(text["text"].get<std::string>().find("Once upon a time") != std::string::npos);
    CHECK(text["text_with_special"].get<std::string>().starts_with("<|start_story|>"));
    refused({"inspect", "decode", "--model", tokenizer.path(), "--dataset", rows, "--json"}, "SCHEMA", "ids");
    CHECK(run_llmft({"inspect", "data", "--model", tokenizer.path(), "--dataset", rows}).out.find("⟦") !=
          std::string::npos);
}

TEST_CASE("inspect template renders each row, whose keys are the variables; a row that fails says why") {
    const TempFolder folder;
    const Path chat = folder.write("chat.jinja",
                                   "{% if bad is defined %}{{ raise_exception('no ' + bad) }}{% endif %}"
                                   "{% for m in messages %}<{{ m.role }}>{{ m | tojson }}{% endfor %}");
    const Path rows =
        folder.write("rows.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n\n{\"bad\":\"luck\"}\n");
    const Ended ended = run_llmft({"inspect", "template", "--template", chat, "--dataset", rows, "--json"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    put(folder.path() / "out", ended.out);
    const std::vector<Json> lines = Scene::lines(folder.path() / "out");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == Json{{"text", "<user>{\"role\": \"user\", \"content\": \"hi\"}"}});   // in the row's order
    CHECK(lines[1] == Json{{"error", "no luck"}});
    CHECK(run_llmft({"inspect", "template", "--template", chat, "--dataset", rows}).out.find("error: no luck") !=
          std::string::npos);
    CHECK(inspected(chat)["kind"] == "template");
    put(chat, "{% for %}");
    refused({"inspect", "template", "--template", chat, "--dataset", rows}, "TEMPLATE", "chat.jinja: line 1");
    refused({"inspect", chat}, "TEMPLATE", "chat.jinja");
    put(chat, "x");
    put(rows, "[1]\n");
    refused({"inspect", "template", "--template", chat, "--dataset", rows}, "SCHEMA", "rows.jsonl:1");
}

TEST_CASE("what is damaged, and what is nothing known, is one line with file and field") {
    Scene scene;
    scene.make_adapter();
    refused({"inspect"}, "USAGE", "PATH");
    refused({"inspect", scene.path("none")}, "MISSING", "none");
    refused({"inspect", scene.rows(), scene.rows()}, "USAGE", "unexpected");
    put(scene.path("text.md"), "# text");
    refused({"inspect", scene.path("text.md")}, "SCHEMA", "text.md");
    fs::create_directory(scene.path("empty"));
    refused({"inspect", scene.path("empty")}, "SCHEMA", "empty");
    put(scene.path("rows.jsonl"), "{\"text\":\"a\"}\n{\"text\":}\n");
    refused({"inspect", scene.path("rows.jsonl")}, "SYNTAX", "rows.jsonl:2");
    put(scene.path("model.bin"), std::string("\x80\x02}q", 4) + std::string(16, 'x'));
    refused({"inspect", scene.path("model.bin")}, "UNSAFE", "model.bin");
    put(scene.path("cut.gguf"), "GGUF\x03");
    refused({"inspect", scene.path("cut.gguf")}, "TRUNC", "cut.gguf");
    put(scene.path("adapter/adapter_config.json"), "{\"r\":4}");
    refused({"inspect", scene.path("adapter")}, "SCHEMA", "peft_type");
    fs::resize_file(scene.weights(), fs::file_size(scene.weights()) - 1);
    refused({"inspect", scene.weights()}, "TRUNC", "model.safetensors");
    refused({"inspect", scene.model()}, "TRUNC", "model.safetensors");
    scene.config("hidden_size", "48");
    refused({"inspect", scene.model()}, "SCHEMA", "hidden_size");
    put(scene.model() / "config.json", "{");
    refused({"inspect", scene.model()}, "SYNTAX", "config.json");
}

TEST_CASE("names from files reach the terminal with their control characters escaped") {
    const TempFolder folder;
    const Path rows = folder.write("rows.jsonl", "{\"\\u001b[31mred\":1}\n");
    CHECK(page(rows).find('\x1b') == std::string::npos);
}

TEST_CASE("inspect tells of a run without a result how far it is, its newest checkpoint and how it goes on") {
    Scene scene;
    scene.flag("--max-steps", "4");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "1");
    REQUIRE(scene.run().code == 0);
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "manifest.json"})
        fs::remove(scene.output() / name);
    fs::remove_all(scene.output() / "checkpoint-4");
    const Json json = inspected(scene.output());
    CHECK(json["kind"] == "run");
    CHECK(json["step"] == 4);
    CHECK(json["steps"] == 4);
    CHECK(json["checkpoint"] == (scene.output() / "checkpoint-3").string());
    const std::string text = page(scene.output());
    CHECK(text.find("a run without a result, step 4 of 4") != std::string::npos);
    CHECK(text.find("train --config " + (scene.output() / "run.toml").string()) != std::string::npos);
    scene.no_flag("--max-steps");   // of epochs
    scene.flag("--num-train-epochs", "2");
    fs::remove_all(scene.output());
    REQUIRE(scene.run().code == 0);
    const auto steps = scene.metrics().size();
    fs::remove(scene.output() / "adapter_config.json");
    fs::remove(scene.output() / "adapter_model.safetensors");
    CHECK(inspected(scene.output())["steps"] == steps);
}
