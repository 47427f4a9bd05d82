// A small run of the real program in a folder of its own: a copy of tests/golden/tiny-gqa, rows of tokens, an output
// folder that is not there yet, no checkpoints. Tests spoil or extend it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "tests/tools/process.h"

namespace llmft::test {

std::string bytes_of(const Path& file);
void put(const Path& file, std::string_view bytes);

// `count` rows of `tokens` ids below 100, of three kinds that repeat, so that held-out losses fall too.
std::string token_rows(int count, int tokens, int seed);

class Scene {
public:
    Scene();

    Path path(const std::string& name) const { return folder_.path() / name; }
    Path model() const { return path("model"); }
    Path rows() const { return path("rows.jsonl"); }
    Path output() const { return path("out"); }
    Path weights() const { return model() / "model.safetensors"; }

    void config(const std::string& field, const Json& value) const;   // null: taken away
    void adapter_config(const std::string& field, const Json& value) const;
    void change(const Path& json_file, const std::function<void(Json&)>& edit) const;
    // The header of a safetensors file, as JSON and as text; the data behind it stay.
    void header(const std::function<void(Json&)>& edit) const;
    void header_text(const std::function<void(std::string&)>& edit) const;
    void make_adapter() const;   // trains one step into adapter/

    // --flag value, instead of one that is there.
    void flag(const std::string& name, const std::string& value);
    void no_flag(const std::string& name);
    void command(const std::string& name) { command_ = name; }
    std::vector<std::string> arguments() const;
    Ended run() const { return run_llmft(arguments()); }

    // Of train: what a run into output() wrote.
    std::vector<Json> metrics() const { return lines(output() / "metrics.jsonl"); }
    static std::vector<Json> lines(const Path& file);
    std::string adapter() const { return bytes_of(output() / "adapter_model.safetensors"); }

private:
    TempFolder folder_;
    std::string command_ = "train";
    std::vector<std::pair<std::string, std::string>> flags_;
};

}   // namespace llmft::test
