// Rows 39 to 44, and part of 46: config.json.
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

void llama3_rope(const Scene& s) {
    s.config("rope_parameters", {{"rope_type", "llama3"},
                                 {"rope_theta", 1e4},
                                 {"factor", 8},
                                 {"low_freq_factor", 1},
                                 {"high_freq_factor", 4},
                                 {"original_max_position_embeddings", 64}});
}

const BadCase kConfigs[] = {
    {0, "no model folder", "MISSING", "model", [](Scene& s) { fs::remove_all(s.model()); }},
    {0, "the model is a file", "SYNTAX", "rows.jsonl", [](Scene& s) { s.flag("--model", s.rows()); }},
    {0, "config.json cut", "SYNTAX", "config.json", [](Scene& s) { fs::resize_file(s.model() / "config.json", 200); }},
    {0, "config.json empty", "SYNTAX", "config.json", [](Scene& s) { put(s.model() / "config.json", ""); }},
    {0, "config.json an array", "SCHEMA", "config.json", [](Scene& s) { put(s.model() / "config.json", "[]"); }},
    {0, "config.json not UTF-8", "ENCODING", "config.json",
     [](Scene& s) { put(s.model() / "config.json", "{\"\xff\":1}"); }},
    {0, "NaN in config.json", "RANGE", "config.json", [](Scene& s) { put(s.model() / "config.json", "{\"a\":NaN}"); }},
    {0, "1e400 in config.json", "RANGE", "config.json",
     [](Scene& s) { put(s.model() / "config.json", "{\"a\":1e400}"); }},
    {39, "no hidden_size", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", nullptr); }},
    {39, "hidden_size 0", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", 0); }},
    {39, "hidden_size negative", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", -48); }},
    {39, "hidden_size 2^40", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", int64_t{1} << 40); }},
    {39, "hidden_size a text", "SCHEMA", "hidden_size", [](Scene& s) { s.config("hidden_size", "48"); }},
    {40, "heads do not divide hidden_size", "RANGE", "num_attention_heads",
     [](Scene& s) { s.config("hidden_size", 64); }},
    {39, "hidden_size of another model", "SHAPE", "weight", [](Scene& s) { s.config("hidden_size", 96); }},
    {40, "kv heads do not divide heads", "RANGE", "num_key_value_heads",
     [](Scene& s) { s.config("num_key_value_heads", 4); }},
    {40, "odd head_dim", "RANGE", "head_dim", [](Scene& s) { s.config("head_dim", 7); }},
    {41, "vocab_size is not the embedding's rows", "SHAPE", "embed_tokens",
     [](Scene& s) { s.config("vocab_size", 128); }},
    {42, "more layers than tensors", "MISSING", "model.layers.2", [](Scene& s) { s.config("num_hidden_layers", 3); }},
    {46, "fewer layers than tensors", "EXTRA", "model.layers.1", [](Scene& s) { s.config("num_hidden_layers", 1); }},
    {46, "no lm_head where it is not tied", "MISSING", "lm_head",
     [](Scene& s) { s.config("tie_word_embeddings", false); }},
    {43, "an unknown rope type", "RANGE", "rope",
     [](Scene& s) {
         s.config("rope_parameters", {{"rope_type", "ntk"}, {"factor", 2}});
     }},
    {43, "a rope factor of 0", "RANGE", "factor",
     [](Scene& s) {
         s.config("rope_parameters", {{"rope_type", "llama3"},
                                      {"rope_theta", 1e4},
                                      {"factor", 0},
                                      {"low_freq_factor", 1},
                                      {"high_freq_factor", 4},
                                      {"original_max_position_embeddings", 64}});
     }},
    {44, "another architecture", "SCHEMA", "model_type", [](Scene& s) { s.config("model_type", "gemma2"); }},
    {44, "code of its own", "UNSAFE", "auto_map",
     [](Scene& s) {
         s.config("auto_map", {{"AutoConfig", "x.Y"}});
     }},
    {46, "biases of attention that the weights lack", "MISSING", "q_proj.bias",
     [](Scene& s) { s.config("attention_bias", true); }},
    {46, "biases of the MLP that the weights lack", "MISSING", "gate_proj.bias",
     [](Scene& s) { s.config("mlp_bias", true); }},
    {44, "another activation", "SCHEMA", "hidden_act", [](Scene& s) { s.config("hidden_act", "gelu"); }},
    {44, "quantised weights", "SCHEMA", "quantization_config",
     [](Scene& s) {
         s.config("quantization_config", {{"bits", 4}});
     }},
    {43, "a rope factor of NaN", "RANGE", "config.json",
     [](Scene& s) {
         llama3_rope(s);
         replace_text(s.model() / "config.json", "\"factor\":8", "\"factor\":NaN");
     }},
    {43, "a rope factor of 1e400", "RANGE", "factor",
     [](Scene& s) {
         llama3_rope(s);
         replace_text(s.model() / "config.json", "\"factor\":8", "\"factor\":1e400");
     }},
};

}   // namespace

std::span<const BadCase> bad_configs() {
    return kConfigs;
}

}   // namespace llmft::test
