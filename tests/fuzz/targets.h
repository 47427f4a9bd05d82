// The fuzz targets: one file each in tests/fuzz/targets, with its seeds in tests/fuzz/corpus/NAME. Each is a program of
// its own for libFuzzer (`make fuzz`), and the test program runs all over the seeds (replay_test.cpp).
#pragma once

#include <string_view>

namespace llmft::fuzz {

void read_adapter_config(std::string_view bytes);
void read_config(std::string_view bytes);
void read_gguf(std::string_view bytes);
void read_gguf_model(std::string_view bytes);
void read_index(std::string_view bytes);
void read_jsonl(std::string_view bytes);
void read_manifest(std::string_view bytes);
void read_run_file(std::string_view bytes);
void read_run_state(std::string_view bytes);
void read_safetensors(std::string_view bytes);
void read_template(std::string_view bytes);
void read_tokenizer(std::string_view bytes);
void read_tokenizer_config(std::string_view bytes);

struct Target {
    const char* name;
    void (*read)(std::string_view bytes);
};
constexpr Target kTargets[] = {
    {"adapter_config", read_adapter_config},
    {"config", read_config},
    {"gguf", read_gguf},
    {"gguf_model", read_gguf_model},
    {"index", read_index},
    {"jsonl", read_jsonl},
    {"manifest", read_manifest},
    {"run_file", read_run_file},
    {"run_state", read_run_state},
    {"safetensors", read_safetensors},
    {"template", read_template},
    {"tokenizer", read_tokenizer},
    {"tokenizer_config", read_tokenizer_config},
};

}   // namespace llmft::fuzz
