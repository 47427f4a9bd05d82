// Rows 72 to 75: adapters.
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

const BadCase kAdapters[] = {
    {0, "no adapter folder", "MISSING", "adapter_config.json",
     [](Scene& s) { s.flag("--adapter", s.path("nothing")); }},
    {72, "r = 0", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", 0); }},
    {72, "negative r", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", -4); }},
    {72, "an alpha that is text", "SCHEMA", "lora_alpha", [](Scene& s) { with_adapter(s, "lora_alpha", "NaN"); }},
    {73, "another rank than the tensors'", "SHAPE", "lora_", [](Scene& s) { with_adapter(s, "r", 8); }},
    {0, "DoRA", "SCHEMA", "use_dora", [](Scene& s) { with_adapter(s, "use_dora", true); }},
    {0, "biases of a kind that is none", "RANGE", "bias", [](Scene& s) { with_adapter(s, "bias", "some"); }},
    {73, "ranks by pattern that the tensors lack", "SHAPE", "lora_",
     [](Scene& s) {
         with_adapter(s, "rank_pattern", {{"q_proj", 2}});
     }},
    {0, "a pattern that is no regular expression", "SYNTAX", "rank_pattern",
     [](Scene& s) {
         with_adapter(s, "rank_pattern", {{"q_proj(", 2}});
     }},
    {0, "a target that is no regular expression", "SYNTAX", "target_modules",
     [](Scene& s) { with_adapter(s, "target_modules", "*proj"); }},
    {0, "whole modules that the tensors lack", "MISSING", "lm_head",
     [](Scene& s) { with_adapter(s, "modules_to_save", {"lm_head"}); }},
    {0, "a field of the future", "SCHEMA", "use_new_idea", [](Scene& s) { with_adapter(s, "use_new_idea", true); }},
    {0, "an initialisation that changes the base", "SCHEMA", "init_lora_weights",
     [](Scene& s) { with_adapter(s, "init_lora_weights", "pissa"); }},
    {0, "another method", "SCHEMA", "peft_type", [](Scene& s) { with_adapter(s, "peft_type", "IA3"); }},
    {73, "a target that the model lacks", "SHAPE", "adapter",
     [](Scene& s) { with_adapter(s, "target_modules", {"query"}); }},
    {73, "PEFT's default targets, which the tensors pass", "SHAPE", "lora_",
     [](Scene& s) { with_adapter(s, "target_modules", nullptr); }},
    {74, "a pickle instead", "UNSAFE", "adapter_model.bin",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         fs::rename(s.path("adapter") / "adapter_model.safetensors", s.path("adapter") / "adapter_model.bin");
     }},
    {25, "cut weights", "TRUNC", "adapter_model.safetensors",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         fs::resize_file(s.path("adapter") / "adapter_model.safetensors", 3000);
     }},
    {73, "an adapter of another base", "SHAPE", "adapter",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         shard(s, [](Json&) {});
     }},
    {0, "full fine-tuning of an adapter", "USAGE", "--adapter",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         s.flag("--method", "full");
     }},
    {72, "r that no model has", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", 65'537); }},
    {72, "r one beyond the hidden size", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", 49); }},
    {72, "r by pattern beyond the hidden size", "RANGE", "rank_pattern",
     [](Scene& s) {
         with_adapter(s, "rank_pattern", {{"q_proj", 49}});
     }},
    {72, "a rank of --lora-r beyond the hidden size", "RANGE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "49"); }},
    {72, "a rank of --rank-pattern beyond the hidden size", "RANGE", "--rank-pattern",
     [](Scene& s) { s.flag("--rank-pattern", "o_proj=64"); }},
    {72, "an alpha that is NaN", "RANGE", "adapter_config.json",
     [](Scene& s) {
         with_adapter(s, "lora_alpha", 77);
         replace_text(s.path("adapter") / "adapter_config.json", "\"lora_alpha\":77", "\"lora_alpha\":NaN");
     }},
    {72, "an alpha of 1e400", "RANGE", "lora_alpha",
     [](Scene& s) {
         with_adapter(s, "lora_alpha", 77);
         replace_text(s.path("adapter") / "adapter_config.json", "\"lora_alpha\":77", "\"lora_alpha\":1e400");
     }},
    {73, "A and B of different rank", "SHAPE", "lora_",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         // (4, 48) and (48, 4) have the same bytes.
         replace_text(s.path("adapter") / "adapter_model.safetensors", "\"shape\":[4,48]", "\"shape\":[48,4]");
     }},
    {75, "a base by a path out of the folder, and no --model", "USAGE", "--model",
     [](Scene& s) {
         with_adapter(s, "base_model_name_or_path", "../model");
         s.no_flag("--model");
     }},
    {75, "a base by URL, and no --model", "USAGE", "--model",
     [](Scene& s) {
         with_adapter(s, "base_model_name_or_path", "https://127.0.0.1:1/model");
         s.no_flag("--model");
     }},
};

}   // namespace

std::span<const BadCase> bad_adapters() {
    return kAdapters;
}

void with_adapter(Scene& s, const std::string& field, const Json& value) {
    s.make_adapter();
    s.flag("--adapter", s.path("adapter"));
    s.adapter_config(field, value);
}

}   // namespace llmft::test
