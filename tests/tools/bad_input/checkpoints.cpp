// Rows 76 to 80: checkpoints that a run is told to go on from.
#include <doctest/doctest.h>

#include "engine/io/manifest.h"
#include "engine/io/xxh3.h"
#include "tests/tools/bad_input/cases.h"
#include "tests/tools/few_tokens.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "training_state.safetensors";

Path checkpoint(const Scene& s) {
    return s.path("before") / "checkpoint-2";
}

// A run of two steps into before/, whose second checkpoint the scene's run is to go on from.
void resume(Scene& s) {
    s.flag("--save-strategy", "epoch");
    const Path output = s.output();
    s.flag("--output-dir", s.path("before"));
    const Ended first = s.run();
    REQUIRE_MESSAGE(first.code == 0, first.err);
    REQUIRE(fs::exists(checkpoint(s)));
    s.flag("--output-dir", output);
    s.flag("--resume", checkpoint(s));
}

void flip(const Path& file, size_t at) {
    std::string bytes = bytes_of(file);
    bytes[at % bytes.size()] ^= 4;
    put(file, bytes);
}

// Whoever changes a manifest knowingly also makes its hash right.
void rewrite_manifest(const Scene& s, std::string_view text, std::string_view other) {
    const Path file = checkpoint(s) / kManifestName;
    replace_text(file, text, other);
    const std::string bytes = bytes_of(file);
    const std::string body = bytes.substr(0, bytes.rfind(",\n  \"xxh3\""));
    put(file, body + ",\n  \"xxh3\": \"" + hash_text(xxh3(body)) + "\"\n}\n");
}

// The run's state with another number, under a manifest that is right about it.
void rewrite_state(const Scene& s, const std::string& field, const Json& value) {
    const Manifest before = read_manifest(checkpoint(s));
    for (const auto& [name, file] : before.files)
        if (name.ends_with(".json") && bytes_of(checkpoint(s) / name).find("\"global_step\"") != std::string::npos)
            s.change(checkpoint(s) / name, [&](Json& json) { json[field] = value; });
    write_manifest(checkpoint(s), make_manifest(checkpoint(s), before.facts));
}

const BadCase kCheckpoints[] = {
    {76, "no manifest", "HASH", "manifest.json",
     [](Scene& s) {
         resume(s);
         fs::remove(checkpoint(s) / kManifestName);
     }},
    {76, "a cut manifest", "HASH", "manifest.json",
     [](Scene& s) {
         resume(s);
         fs::resize_file(checkpoint(s) / kManifestName, fs::file_size(checkpoint(s) / kManifestName) - 20);
     }},
    {76, "a flipped bit in the manifest", "HASH", "manifest.json",
     [](Scene& s) {
         resume(s);
         flip(checkpoint(s) / kManifestName, 100);
     }},
    {77, "no file of the state", "HASH", kState,
     [](Scene& s) {
         resume(s);
         fs::remove(checkpoint(s) / kState);
     }},
    {77, "a short file", "HASH", kState,
     [](Scene& s) {
         resume(s);
         fs::resize_file(checkpoint(s) / kState, fs::file_size(checkpoint(s) / kState) - 1);
     }},
    {77, "a long file", "HASH", kState,
     [](Scene& s) {
         resume(s);
         put(checkpoint(s) / kState, bytes_of(checkpoint(s) / kState) + "x");
     }},
    {77, "a flipped bit in the state", "HASH", kState,
     [](Scene& s) {
         resume(s);
         flip(checkpoint(s) / kState, fs::file_size(checkpoint(s) / kState) / 2);
     }},
    {77, "a flipped bit in the adapter", "HASH", "adapter_model.safetensors",
     [](Scene& s) {
         resume(s);
         flip(checkpoint(s) / "adapter_model.safetensors", 3000);
     }},
    {78, "another run", "STATE", "lora_r",
     [](Scene& s) {
         resume(s);
         s.flag("--lora-r", "5");
     }},
    {78, "another model", "STATE", "model",
     [](Scene& s) {
         resume(s);
         flip(s.weights(), fs::file_size(s.weights()) - 4);
     }},
    {78, "another tokenizer", "STATE", "tokenizer",
     [](Scene& s) {
         const std::string tokenizer = few_tokens_json().dump();
         put(s.model() / "tokenizer.json", tokenizer);
         resume(s);
         put(s.model() / "tokenizer.json", tokenizer + "\n");
     }},
    {78, "other rows", "STATE", "rows",
     [](Scene& s) {
         resume(s);
         put(s.rows(), token_rows(6, 12, 2));
     }},
    {78, "another precision", "STATE", "dtype",
     [](Scene& s) {
         resume(s);
         s.flag("--dtype", "bf16");
     }},
    {78, "rows held out that were learned from", "STATE", "eval_split",
     [](Scene& s) {
         resume(s);
         s.flag("--eval-split", "0.3");
     }},
    {78, "another method", "STATE", "method",
     [](Scene& s) {
         resume(s);
         s.flag("--method", "full");
     }},
    {79, "a newer format", "VERSION", "format",
     [](Scene& s) {
         resume(s);
         rewrite_manifest(s, "\"format\": 1", "\"format\": 2");
     }},
    {79, "a future engine, whose manifest is another", "VERSION", "format",
     [](Scene& s) {
         resume(s);
         rewrite_manifest(s, "\"facts\": {", "\"engine\": {");
         rewrite_manifest(s, "\"format\": 1", "\"format\": 9");
     }},
    {80, "a run that ends before the checkpoint", "STATE", "step",
     [](Scene& s) {
         resume(s);
         s.flag("--max-steps", "1");
     }},
    {80, "a step beyond the data", "STATE", "global_step",
     [](Scene& s) {
         resume(s);
         rewrite_state(s, "global_step", 1'000'000);
     }},
    {80, "a step beyond the data in the state and the manifest", "STATE", "step",
     [](Scene& s) {
         resume(s);
         rewrite_state(s, "global_step", 1'000'000);
         rewrite_manifest(s, "\"step\": 2", "\"step\": 1000000");
     }},
    {80, "a negative step", "RANGE", "global_step",
     [](Scene& s) {
         resume(s);
         rewrite_state(s, "global_step", -1);
     }},
    {80, "more steps skipped than taken", "STATE", "global_step",
     [](Scene& s) {
         resume(s);
         rewrite_state(s, "skipped_steps", 7);
     }},
    {0, "a checkpoint that is not there", "MISSING", "checkpoint-9",
     [](Scene& s) { s.flag("--resume", s.path("before") / "checkpoint-9"); }},
    {0, "a model's folder as checkpoint", "MISSING", "no manifest", [](Scene& s) { s.flag("--resume", s.model()); }},
    {0, "no name of a checkpoint", "VALUE", "--resume", [](Scene& s) { s.flag("--resume", ""); }},
};

}   // namespace

std::span<const BadCase> bad_checkpoints() {
    return kCheckpoints;
}

}   // namespace llmft::test
