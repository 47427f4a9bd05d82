#include "tests/tools/e2e_scene.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"

namespace llmft::test {

std::string bytes_of(const Path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

void put(const Path& file, std::string_view bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
}

std::string token_rows(int count, int tokens, int seed) {
    std::string text;
    for (int row = 0; row < count; ++row) {
        std::string ids;
        for (int i = 0; i < tokens; ++i)
            ids += (i ? "," : "") + std::to_string(3 + (seed * 7 + row % 3 * 5 + i * i % 11 * 3) % 97);
        text += "{\"input_ids\":[" + ids + "]}\n";
    }
    return text;
}

Scene::Scene() {
    const Path golden = source_dir() / "tests/golden/tiny-gqa";
    std::filesystem::create_directory(model());
    for (const char* name : {"config.json", "model.safetensors"})
        std::filesystem::copy_file(golden / name, model() / name);
    put(rows(), token_rows(6, 12, 1));
    flags_ = {{"--model", model()},       {"--dataset", rows()},
              {"--output-dir", output()}, {"--per-device-train-batch-size", "2"},
              {"--max-steps", "2"},       {"--save-strategy", "no"}};
}

void Scene::change(const Path& json_file, const std::function<void(Json&)>& edit) const {
    Json json = Json::parse(bytes_of(json_file));
    edit(json);
    put(json_file, json.dump());
}

void Scene::config(const std::string& field, const Json& value) const {
    change(model() / "config.json", [&](Json& json) {
        json.erase(field);
        if (!value.is_null()) json[field] = value;
    });
}

void Scene::adapter_config(const std::string& field, const Json& value) const {
    change(path("adapter") / "adapter_config.json", [&](Json& json) { json[field] = value; });
}

void Scene::header_text(const std::function<void(std::string&)>& edit) const {
    const std::string file = bytes_of(weights());
    uint64_t length = 0;
    for (size_t i = 0; i < 8; ++i) length |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
    std::string header = file.substr(8, length);
    const std::string data = file.substr(8 + length);
    edit(header);
    put(weights(), length_prefix(header.size()) + header + data);
}

void Scene::header(const std::function<void(Json&)>& edit) const {
    header_text([&](std::string& text) {
        Json json = Json::parse(text);
        edit(json);
        text = json.dump();
        text.append((8 - text.size() % 8) % 8, ' ');
    });
}

void Scene::make_adapter() const {
    const Ended made = run_llmft({"train", "--model", model(), "--dataset", rows(), "--max-steps", "1", "--lora-r", "4",
                                  "--lora-alpha", "12", "--target-modules", "q_proj,down_proj", "--learning-rate",
                                  "0.01", "--output-dir", path("adapter")});
    REQUIRE_MESSAGE(made.code == 0, made.err);
    std::filesystem::remove(path("adapter") / "manifest.json");   // as PEFT leaves an adapter: tests spoil it
}

void Scene::flag(const std::string& name, const std::string& value) {
    no_flag(name);
    flags_.emplace_back(name, value);
}

void Scene::no_flag(const std::string& name) {
    std::erase_if(flags_, [&](const auto& f) { return f.first == name; });
}

std::vector<std::string> Scene::arguments() const {
    std::vector<std::string> all = {command_};
    for (const auto& [name, value] : flags_) {
        const bool trains = command_ == "train" || command_ == "plan";
        const bool of_training =
            name == "--per-device-train-batch-size" || name == "--max-steps" || name == "--save-strategy";
        if (!trains && of_training) continue;
        if (command_ != "train" && name == "--output-dir") continue;
        if (command_ == "generate" && name == "--dataset") continue;
        all.push_back(name);
        all.push_back(value);
    }
    return all;
}

std::vector<Json> Scene::lines(const Path& file) {
    std::istringstream text(bytes_of(file));
    std::vector<Json> result;
    for (std::string line; std::getline(text, line);) result.push_back(Json::parse(line));
    return result;
}

}   // namespace llmft::test
