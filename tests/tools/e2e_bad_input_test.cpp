// Bad input against the real program. Every case ends with exit 2 (or what its row says), one line on stderr of the
// kind that its row says, which names the place and a remedy, nothing on stdout and no output folder. The first column
// is the case.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <span>

#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

struct Bad {
    const char* what;
    const char* kind;
    const char* named;   // a part of the line that says where
    void (*spoil)(Scene&);
    int code = 2;
};

constexpr const char* kQ = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kNorm = "model.norm.weight";

const Bad kConfig[] = {
    {"no model folder", "MISSING", "model", [](Scene& s) { fs::remove_all(s.model()); }},
    {"the model is a file", "SYNTAX", "rows.jsonl", [](Scene& s) { s.flag("--model", s.rows()); }},
    {"config.json cut", "SYNTAX", "config.json", [](Scene& s) { fs::resize_file(s.model() / "config.json", 200); }},
    {"config.json empty", "SYNTAX", "config.json", [](Scene& s) { put(s.model() / "config.json", ""); }},
    {"config.json an array", "SCHEMA", "config.json", [](Scene& s) { put(s.model() / "config.json", "[]"); }},
    {"config.json not UTF-8", "ENCODING", "config.json",
     [](Scene& s) { put(s.model() / "config.json", "{\"\xff\":1}"); }},
    {"NaN in config.json", "RANGE", "config.json", [](Scene& s) { put(s.model() / "config.json", "{\"a\":NaN}"); }},
    {"1e400 in config.json", "RANGE", "config.json", [](Scene& s) { put(s.model() / "config.json", "{\"a\":1e400}"); }},
    {"no hidden_size", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", nullptr); }},
    {"hidden_size 0", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", 0); }},
    {"hidden_size negative", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", -48); }},
    {"hidden_size 2^40", "RANGE", "hidden_size", [](Scene& s) { s.config("hidden_size", int64_t{1} << 40); }},
    {"hidden_size a text", "SCHEMA", "hidden_size", [](Scene& s) { s.config("hidden_size", "48"); }},
    {"heads do not divide hidden_size", "RANGE", "num_attention_heads", [](Scene& s) { s.config("hidden_size", 64); }},
    {"hidden_size of another model", "SHAPE", "weight", [](Scene& s) { s.config("hidden_size", 96); }},
    {"kv heads do not divide heads", "RANGE", "num_key_value_heads",
     [](Scene& s) { s.config("num_key_value_heads", 4); }},
    {"odd head_dim", "RANGE", "head_dim", [](Scene& s) { s.config("head_dim", 7); }},
    {"vocab_size is not the embedding's rows", "SHAPE", "embed_tokens", [](Scene& s) { s.config("vocab_size", 128); }},
    {"more layers than tensors", "MISSING", "model.layers.2", [](Scene& s) { s.config("num_hidden_layers", 3); }},
    {"fewer layers than tensors", "EXTRA", "model.layers.1", [](Scene& s) { s.config("num_hidden_layers", 1); }},
    {"no lm_head where it is not tied", "MISSING", "lm_head", [](Scene& s) { s.config("tie_word_embeddings", false); }},
    {"an unknown rope type", "RANGE", "rope",
     [](Scene& s) {
         s.config("rope_parameters", {{"rope_type", "ntk"}, {"factor", 2}});
     }},
    {"a rope factor of 0", "RANGE", "factor",
     [](Scene& s) {
         s.config("rope_parameters", {{"rope_type", "llama3"},
                                      {"rope_theta", 1e4},
                                      {"factor", 0},
                                      {"low_freq_factor", 1},
                                      {"high_freq_factor", 4},
                                      {"original_max_position_embeddings", 64}});
     }},
    {"another architecture", "SCHEMA", "model_type", [](Scene& s) { s.config("model_type", "gemma2"); }},
    {"code of its own", "UNSAFE", "auto_map",
     [](Scene& s) {
         s.config("auto_map", {{"AutoConfig", "x.Y"}});
     }},
    {"biases of attention that the weights lack", "MISSING", "q_proj.bias",
     [](Scene& s) { s.config("attention_bias", true); }},
    {"biases of the MLP that the weights lack", "MISSING", "gate_proj.bias",
     [](Scene& s) { s.config("mlp_bias", true); }},
    {"another activation", "SCHEMA", "hidden_act", [](Scene& s) { s.config("hidden_act", "gelu"); }},
    {"quantised weights", "SCHEMA", "quantization_config",
     [](Scene& s) {
         s.config("quantization_config", {{"bits", 4}});
     }},
};

const Bad kWeights[] = {
    {"no weights", "MISSING", "model.safetensors", [](Scene& s) { fs::remove(s.weights()); }},
    {"a pickle instead", "UNSAFE", "pytorch_model.bin",
     [](Scene& s) { fs::rename(s.weights(), s.model() / "pytorch_model.bin"); }},
    {"an empty file", "TRUNC", "model.safetensors", [](Scene& s) { put(s.weights(), ""); }},
    {"7 bytes", "TRUNC", "model.safetensors", [](Scene& s) { put(s.weights(), "1234567"); }},
    {"a header longer than the file", "TRUNC", "model.safetensors",
     [](Scene& s) { put(s.weights(), length_prefix(11) + "{}"); }},
    {"a header of 2^63 bytes", "LIMIT", "model.safetensors",
     [](Scene& s) { put(s.weights(), length_prefix(uint64_t{1} << 63) + "{}"); }},
    {"a header of no bytes", "SYNTAX", "model.safetensors", [](Scene& s) { put(s.weights(), length_prefix(0)); }},
    {"a header that is no UTF-8", "ENCODING", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h[3] = '\xff'; }); }},
    {"a header that is an array", "SCHEMA", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "[]"; }); }},
    {"words behind the header's end", "SYNTAX", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h += "x"; }); }},
    {"a tensor twice", "DUP", kNorm,
     [](Scene& s) {
         s.header_text(
             [](auto& h) { h.insert(1, R"("model.norm.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"); });
     }},
    {"a field twice", "DUP", "shape",
     [](Scene& s) { s.header_text([](auto& h) { h.replace(h.find("\"shape\""), 7, "\"shape\":[1],\"shape\""); }); }},
    {"no dtype", "SCHEMA", "dtype", [](Scene& s) { s.header([](Json& h) { h[kQ].erase("dtype"); }); }},
    {"no shape", "SCHEMA", "shape", [](Scene& s) { s.header([](Json& h) { h[kQ].erase("shape"); }); }},
    {"no offsets", "SCHEMA", "data_offsets", [](Scene& s) { s.header([](Json& h) { h[kQ].erase("data_offsets"); }); }},
    {"an unknown dtype", "DTYPE", kQ, [](Scene& s) { s.header([](Json& h) { h[kQ]["dtype"] = "F33"; }); }},
    {"integers as weights", "DTYPE", kQ, [](Scene& s) { s.header([](Json& h) { h[kQ]["dtype"] = "I32"; }); }},
    {"a negative extent", "SCHEMA", kQ, [](Scene& s) { s.header([](Json& h) {
                                                           h[kQ]["shape"] = {-48, -48};
                                                       }); }},
    {"an extent with a point", "SCHEMA", kQ, [](Scene& s) { s.header([](Json& h) {
                                                                h[kQ]["shape"] = {48.0, 48};
                                                            }); }},
    {"a shape that wraps around", "OVERFLOW", kQ,
     [](Scene& s) { s.header([](Json& h) {
                        h[kQ]["shape"] = {4, int64_t{1} << 62};
                    }); }},
    {"rank 9", "LIMIT", kQ,
     [](Scene& s) { s.header([](Json& h) { h[kQ]["shape"] = {48, 48, 1, 1, 1, 1, 1, 1, 1}; }); }},
    {"bytes that are not the shape's", "LAYOUT", kQ,
     [](Scene& s) { s.header([](Json& h) {
                        h[kQ]["shape"] = {48, 47};
                    }); }},
    {"end before begin", "LAYOUT", kQ,
     [](Scene& s) { s.header([](Json& h) { std::swap(h[kQ]["data_offsets"][0], h[kQ]["data_offsets"][1]); }); }},
    {"overlapping tensors", "LAYOUT", "model.layers",
     [](Scene& s) {
         s.header([](Json& h) { h["model.layers.1.self_attn.q_proj.weight"]["data_offsets"] = h[kQ]["data_offsets"]; });
     }},
    {"a hole, for a tensor was taken out", "LAYOUT", "model.safetensors",
     [](Scene& s) { s.header([](Json& h) { h.erase(kQ); }); }},
    {"bytes behind the last tensor", "LAYOUT", "model.safetensors",
     [](Scene& s) { put(s.weights(), bytes_of(s.weights()) + "PK"); }},
    {"data cut by 2 bytes", "TRUNC", "model.safetensors",
     [](Scene& s) { fs::resize_file(s.weights(), fs::file_size(s.weights()) - 2); }},
    {"data cut in half", "TRUNC", "model.safetensors",
     [](Scene& s) { fs::resize_file(s.weights(), fs::file_size(s.weights()) / 2); }},
    {"metadata of metadata", "SCHEMA", "__metadata__",
     [](Scene& s) { s.header([](Json& h) { h["__metadata__"]["a"] = Json::object(); }); }},
    {"a name with a line break and an escape", "ENCODING", "model.safetensors",
     [](Scene& s) {
         s.header([](Json& h) {
             h["a\n\x1b[31m"] = h[kQ];
             h.erase(kQ);
         });
     }},
    {"a lone surrogate in a name", "ENCODING", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h.insert(2, "\\ud800"); }); }},
    {"deep nesting", "LIMIT", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "{\"a\":" + std::string(10000, '['); }); }},
    {"bits without any sense", "LIMIT", "model.safetensors",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         for (char& c : b) c = static_cast<char>(c ^ 0xa5);
         put(s.weights(), b);
     }},
    {"a NaN among the weights", "VALUE", "weight",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         b.replace(b.size() - 4, 4, "\x00\x00\xc0\x7f", 4);
         put(s.weights(), b);
     }},
    {"an infinity among the weights", "VALUE", "weight",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         b.replace(b.size() - 400, 4, "\x00\x00\x80\x7f", 4);
         put(s.weights(), b);
     }},
    {"a transposed weight", "SHAPE", "down_proj",
     [](Scene& s) { s.header([](Json& h) {
                        h["model.layers.0.mlp.down_proj.weight"]["shape"] = {80, 48};
                    }); }},
    {"a tensor of an unknown name", "EXTRA", "model.norm.wait",
     [](Scene& s) {
         s.header([](Json& h) {
             h["model.norm.wait"] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", h[kQ]["data_offsets"]}};
             h["model.norm.wait"]["data_offsets"][1] = h[kQ]["data_offsets"][0];
         });
     }},
    {"weights that are a folder", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         fs::create_directory(s.weights());
     }},
    {"weights that are a pipe", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         mkfifo(s.weights().c_str(), 0600);
     }},
    {"weights that lead nowhere", "MISSING", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         fs::create_symlink("nowhere", s.weights());
     }},
};

void shard(Scene& s, const std::function<void(Json&)>& edit) {
    const Path golden = source_dir() / "tests/golden/tiny-sharded-bf16";
    fs::remove_all(s.model());
    fs::create_directory(s.model());
    for (const auto& entry : fs::directory_iterator(golden))
        if (const std::string name = entry.path().filename(); name.starts_with("model") || name == "config.json")
            fs::copy_file(entry.path(), s.model() / name);
    const Json config = Json::parse(bytes_of(s.model() / "config.json"));
    REQUIRE(config["vocab_size"].get<int>() > 0);
    put(s.rows(), "{\"input_ids\":[3,4,5]}\n");
    s.change(s.model() / "model.safetensors.index.json", edit);
}

const Bad kShards[] = {
    {"a shard that is not there", "MISSING", "model-00002",
     [](Scene& s) {
         shard(s, [](Json&) {});
         fs::remove(s.model() / "model-00002-of-00004.safetensors");
     }},
    {"a shard without its tensor", "MISSING", "lm_head",
     [](Scene& s) {
         shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "model-00001-of-00004.safetensors"; });
     }},
    {"a shard outside the folder", "PATH", "../x",
     [](Scene& s) { shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "../x.safetensors"; }); }},
    {"a shard by absolute path", "PATH", "/etc/passwd",
     [](Scene& s) { shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "/etc/passwd"; }); }},
    {"a sum of bytes that is wrong", "SCHEMA", "total_size",
     [](Scene& s) { shard(s, [](Json& i) { i["metadata"]["total_size"] = 5; }); }},
    {"an index without a map", "SCHEMA", "weight_map",
     [](Scene& s) { shard(s, [](Json& i) { i.erase("weight_map"); }); }},
    {"a cut shard", "TRUNC", "model-00003",
     [](Scene& s) {
         shard(s, [](Json&) {});
         fs::resize_file(s.model() / "model-00003-of-00004.safetensors", 9000);
     }},
};

const Bad kRows[] = {
    {"no file of rows", "MISSING", "rows.jsonl", [](Scene& s) { fs::remove(s.rows()); }},
    {"rows that are a folder", "PATH", "model", [](Scene& s) { s.flag("--dataset", s.model()); }},
    {"an empty file", "DATA", "rows.jsonl", [](Scene& s) { put(s.rows(), ""); }},
    {"blank lines alone", "DATA", "rows.jsonl", [](Scene& s) { put(s.rows(), "\n\n \n"); }},
    {"not UTF-8", "ENCODING", "rows.jsonl:2",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"a\":\"\xff\"}\n"); }},
    {"not JSON", "SYNTAX", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "hello\n"); }},
    {"cut in the middle of the last row", "SYNTAX", "rows.jsonl:2",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"input_ids\":[3,"); }},
    {"a number as a row", "SCHEMA", "rows.jsonl:2", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n7\n"); }},
    {"deep nesting", "LIMIT", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"a\":" + std::string(5000, '[') + "\n"); }},
    {"a NUL", "LIMIT", "rows.jsonl:1", [](Scene& s) { put(s.rows(), std::string("{\"input_ids\":[3,4]\0}\n", 21)); }},
    {"a line beyond the limit", "LIMIT", "rows.jsonl:1",
     [](Scene& s) {
         s.flag("--max-line-mib", "1");
         put(s.rows(), "{\"a\":\"" + std::string(2 << 20, 'x') + "\"}\n");
     }},
    {"no known field", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"txt\":\"a\"}\n"); }},
    {"text without a tokenizer", "MISSING", "tokenizer", [](Scene& s) { put(s.rows(), "{\"text\":\"a\"}\n"); }},
    {"an id beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,127]}\n"); }},
    {"a negative id", "RANGE", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,-1]}\n"); }},
    {"an id that is text", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,\"4\"]}\n"); }},
    {"an id beyond 2^63", "OVERFLOW", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,99999999999999999999]}\n"); }},
    {"labels of another length", "SHAPE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3]}\n"); }},
    {"a label beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3,127]}\n"); }},
    {"no token to learn anywhere", "DATA", "rows.jsonl",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3,-100]}\n{\"input_ids\":[5]}\n"); }},
    {"a row too long, to be refused", "DATA", "rows.jsonl:1",
     [](Scene& s) {
         s.flag("--max-seq-length", "8");
         s.flag("--truncation", "error");
     }},
    {"every row held out", "DATA", "--eval-split", [](Scene& s) { s.flag("--eval-split", "0.99"); }},
    {"no file for evaluation", "MISSING", "held.jsonl",
     [](Scene& s) { s.flag("--eval-dataset", s.path("held.jsonl")); }},
};

void with_adapter(Scene& s, const std::string& field, const Json& value) {
    s.make_adapter();
    s.flag("--adapter", s.path("adapter"));
    s.adapter_config(field, value);
}

const Bad kAdapters[] = {
    {"no adapter folder", "MISSING", "adapter_config.json", [](Scene& s) { s.flag("--adapter", s.path("nothing")); }},
    {"r = 0", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", 0); }},
    {"negative r", "RANGE", "r", [](Scene& s) { with_adapter(s, "r", -4); }},
    {"an alpha that is text", "SCHEMA", "lora_alpha", [](Scene& s) { with_adapter(s, "lora_alpha", "NaN"); }},
    {"another rank than the tensors'", "SHAPE", "lora_", [](Scene& s) { with_adapter(s, "r", 8); }},
    {"DoRA", "SCHEMA", "use_dora", [](Scene& s) { with_adapter(s, "use_dora", true); }},
    {"biases of a kind that is none", "RANGE", "bias", [](Scene& s) { with_adapter(s, "bias", "some"); }},
    {"ranks by pattern that the tensors lack", "SHAPE", "lora_",
     [](Scene& s) {
         with_adapter(s, "rank_pattern", {{"q_proj", 2}});
     }},
    {"a pattern that is no regular expression", "SYNTAX", "rank_pattern",
     [](Scene& s) {
         with_adapter(s, "rank_pattern", {{"q_proj(", 2}});
     }},
    {"a target that is no regular expression", "SYNTAX", "target_modules",
     [](Scene& s) { with_adapter(s, "target_modules", "*proj"); }},
    {"whole modules that the tensors lack", "MISSING", "lm_head",
     [](Scene& s) { with_adapter(s, "modules_to_save", {"lm_head"}); }},
    {"a field of the future", "SCHEMA", "use_new_idea", [](Scene& s) { with_adapter(s, "use_new_idea", true); }},
    {"an initialisation that changes the base", "SCHEMA", "init_lora_weights",
     [](Scene& s) { with_adapter(s, "init_lora_weights", "pissa"); }},
    {"another method", "SCHEMA", "peft_type", [](Scene& s) { with_adapter(s, "peft_type", "IA3"); }},
    {"a target that the model lacks", "SHAPE", "adapter",
     [](Scene& s) { with_adapter(s, "target_modules", {"query"}); }},
    {"PEFT's default targets, which the tensors pass", "SHAPE", "lora_",
     [](Scene& s) { with_adapter(s, "target_modules", nullptr); }},
    {"a pickle instead", "UNSAFE", "adapter_model.bin",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         fs::rename(s.path("adapter") / "adapter_model.safetensors", s.path("adapter") / "adapter_model.bin");
     }},
    {"cut weights", "TRUNC", "adapter_model.safetensors",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         fs::resize_file(s.path("adapter") / "adapter_model.safetensors", 3000);
     }},
    {"an adapter of another base", "SHAPE", "adapter",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         shard(s, [](Json&) {});
     }},
    {"full fine-tuning of an adapter", "USAGE", "--adapter",
     [](Scene& s) {
         with_adapter(s, "peft_version", "0.0");
         s.flag("--method", "full");
     }},
};

void run_file(Scene& s, std::string_view text) {
    put(s.path("run.toml"), text);
    s.flag("--config", s.path("run.toml"));
}

const Bad kOptions[] = {
    {"an unknown flag", "USAGE", "--lora-rank", [](Scene& s) { s.flag("--lora-rank", "8"); }},
    {"a flag nearly right", "USAGE", "--learning-rate", [](Scene& s) { s.flag("--learning-rat", "1"); }},
    {"no model", "USAGE", "--model", [](Scene& s) { s.no_flag("--model"); }},
    {"no dataset", "USAGE", "--dataset", [](Scene& s) { s.no_flag("--dataset"); }},
    {"no output", "USAGE", "--output-dir", [](Scene& s) { s.no_flag("--output-dir"); }},
    {"a word for a number", "VALUE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "many"); }},
    {"half a rank", "VALUE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "1.5"); }},
    {"rank 0", "RANGE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "0"); }},
    {"a rate that is not finite", "VALUE", "--learning-rate", [](Scene& s) { s.flag("--learning-rate", "nan"); }},
    {"a rate of 1e400", "RANGE", "--learning-rate", [](Scene& s) { s.flag("--learning-rate", "1e400"); }},
    {"a negative batch", "RANGE", "--per-device-train-batch-size",
     [](Scene& s) { s.flag("--per-device-train-batch-size", "-1"); }},
    {"a batch that nobody can count", "RANGE", "--per-device-train-batch-size",
     [](Scene& s) { s.flag("--per-device-train-batch-size", "9223372036854775807"); }},
    {"accumulation that nobody can count", "RANGE", "--gradient-accumulation-steps",
     [](Scene& s) { s.flag("--gradient-accumulation-steps", "9223372036854775807"); }},
    {"a micro-batch that nobody can count", "RANGE", "--tokens-per-microbatch",
     [](Scene& s) { s.flag("--tokens-per-microbatch", "9223372036854775807"); }},
    {"rows of a length that nobody can count", "VALUE", "--max-seq-length",
     [](Scene& s) { s.flag("--max-seq-length", "9223372036854775807"); }},
    {"dropout of everything", "RANGE", "--lora-dropout", [](Scene& s) { s.flag("--lora-dropout", "1"); }},
    {"no epochs", "RANGE", "--num-train-epochs", [](Scene& s) { s.flag("--num-train-epochs", "0"); }},
    {"fewer steps than none", "RANGE", "--max-steps", [](Scene& s) { s.flag("--max-steps", "-3"); }},
    {"an unknown method", "USAGE", "--method", [](Scene& s) { s.flag("--method", "loora"); }},
    {"an unknown schedule", "VALUE", "--lr-scheduler-type", [](Scene& s) { s.flag("--lr-scheduler-type", "cosin"); }},
    {"a schedule without its steps", "USAGE", "--lr-decay-steps",
     [](Scene& s) { s.flag("--lr-scheduler-type", "warmup_stable_decay"); }},
    {"an unknown target", "USAGE", "--target-modules", [](Scene& s) { s.flag("--target-modules", "q_prj"); }},
    {"one target of two unknown", "USAGE", "q_prj", [](Scene& s) { s.flag("--target-modules", "v_proj,q_prj"); }},
    {"CUDA that is not built in", "DEVICE", "--device", [](Scene& s) { s.flag("--device", "cuda"); }, 6},
    {"f16 on the CPU", "USAGE", "--dtype", [](Scene& s) { s.flag("--dtype", "f16"); }},
    {"a limit that is no size", "VALUE", "--memory-limit", [](Scene& s) { s.flag("--memory-limit", "5 bananas"); }},
    {"too little memory", "MEMORY", "largest: weights.gate_up", [](Scene& s) { s.flag("--memory-limit", "100KiB"); },
     3},
    {"no run file", "MISSING", "run.toml", [](Scene& s) { s.flag("--config", s.path("run.toml")); }},
    {"a run file that is no TOML", "SYNTAX", "line 2", [](Scene& s) { run_file(s, "lora_r = 4\nlora_alpha = = 3\n"); }},
    {"an unknown key", "EXTRA", "learning_rate", [](Scene& s) { run_file(s, "learning_rat = 0.1\n"); }},
    {"a key twice", "SYNTAX", "line 2", [](Scene& s) { run_file(s, "lora_r = 4\nlora_r = 4\n"); }},
    {"a key of the wrong type", "SCHEMA", "lora_r", [](Scene& s) { run_file(s, "lora_r = \"x\"\n"); }},
    {"a key out of range", "RANGE", "lora_r", [](Scene& s) { run_file(s, "lora_r = -1\n"); }},
    {"nan in a run file", "VALUE", "learning_rate", [](Scene& s) { run_file(s, "learning_rate = nan\n"); }},
    {"1e400 in a run file", "SYNTAX", "run.toml", [](Scene& s) { run_file(s, "learning_rate = 1e400\n"); }},
    {"the model's folder as output", "PATH", "--output-dir", [](Scene& s) { s.flag("--output-dir", s.model()); }},
    {"a file as output", "PATH", "--output-dir", [](Scene& s) { s.flag("--output-dir", s.rows()); }},
    {"a folder below a file as output", "PATH", "--output-dir",
     [](Scene& s) { s.flag("--output-dir", s.rows() / "x"); }},
    {"an output that cannot be made", "PATH", "--output-dir",
     [](Scene& s) { s.flag("--output-dir", "/proc/llmft-out"); }},
};

// The same mistakes reach the commands that only read.
const Bad kReaders[] = {
    {"eval of cut weights", "TRUNC", "model.safetensors",
     [](Scene& s) {
         s.command("eval");
         fs::resize_file(s.weights(), 3000);
     }},
    {"eval of an empty file", "DATA", "rows.jsonl",
     [](Scene& s) {
         s.command("eval");
         put(s.rows(), "");
     }},
    {"eval of an id beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) {
         s.command("eval");
         put(s.rows(), "{\"input_ids\":[3,127]}\n");
     }},
    {"eval with an option of train", "USAGE", "--lora-r",
     [](Scene& s) {
         s.command("eval");
         s.flag("--lora-r", "4");
     }},
    {"eval of an unknown metric", "VALUE", "--metric",
     [](Scene& s) {
         s.command("eval");
         s.flag("--metric", "blue");
     }},
    {"eval with DoRA", "SCHEMA", "use_dora",
     [](Scene& s) {
         with_adapter(s, "use_dora", true);
         s.command("eval");
     }},
    {"eval into a folder that is not there", "PATH", "rows.out",
     [](Scene& s) {
         s.command("eval");
         s.flag("--per-row", s.path("nothing") / "rows.out");
     }},
    {"generate without a tokenizer", "MISSING", "tokenizer.json",
     [](Scene& s) {
         s.command("generate");
         s.flag("--prompt", "a");
     }},
    {"generate without a prompt", "USAGE", "--prompt", [](Scene& s) { s.command("generate"); }},
    {"plan of a spoilt config", "RANGE", "hidden_size",
     [](Scene& s) {
         s.command("plan");
         s.config("hidden_size", 0);
     }},
};

void expect_refused(std::span<const Bad> cases) {
    for (const Bad& bad : cases) {
        CAPTURE(std::string(bad.what));
        Scene scene;
        bad.spoil(scene);
        const Ended ended = scene.run();
        CAPTURE(ended.err);
        CHECK(ended.code == bad.code);
        CHECK(ended.err.starts_with(std::string("llmft: error E-") + bad.kind + ": "));
        CHECK(ended.err.find(bad.named) != std::string::npos);
        CHECK(ended.err.find("; ") != std::string::npos);
        CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
        CHECK(ended.err.ends_with('\n'));
        CHECK(ended.err.size() <= 400 + 1);
        CHECK(std::none_of(ended.err.begin(), ended.err.end() - 1,
                           [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
        CHECK(ended.out == "");
        CHECK_FALSE(fs::exists(scene.output()));
    }
}

}   // namespace

TEST_CASE("a spoilt config.json is one line, exit 2 and no output") {
    expect_refused(kConfig);
}

TEST_CASE("spoilt weights are one line, exit 2 and no output") {
    expect_refused(kWeights);
}

TEST_CASE("spoilt shards are one line, exit 2 and no output") {
    expect_refused(kShards);
}

TEST_CASE("spoilt rows are one line, exit 2 and no output") {
    expect_refused(kRows);
}

TEST_CASE("spoilt adapters are one line, exit 2 and no output") {
    expect_refused(kAdapters);
}

TEST_CASE("wrong options are one line, their exit code and no output") {
    expect_refused(kOptions);
}

TEST_CASE("eval, generate and plan refuse in the same way") {
    expect_refused(kReaders);
}
