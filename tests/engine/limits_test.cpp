// Every limit of a reader: what lies at the bound is read or refused for another reason, one more is LIMIT.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

#include "data/jsonl.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json.h"
#include "engine/io/manifest.h"
#include "engine/io/model_files.h"
#include "model/adapter/lora_config.h"
#include "model/config.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/refusal.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// What reads `n` of something.
struct Limit {
    std::string what;
    int64_t most;
    std::function<void(int64_t n)> read;
};

std::string repeated(std::string_view unit, int64_t times) {
    std::string all;
    for (int64_t i = 0; i < times; ++i) all += unit;
    return all;
}

// A file of `bytes` zeros that takes no room.
Path sparse(const TempFolder& folder, const std::string& name, int64_t bytes) {
    const Path path = folder.write(name, "");
    std::filesystem::resize_file(path, static_cast<uintmax_t>(bytes));
    return path;
}

void open_container(const std::string& header, size_t data_bytes) {
    const TempFolder folder;
    Safetensors::open(folder.write("x.safetensors", container(header, data_bytes)));
}

void open_gguf(const GgufBytes& gguf) {
    const TempFolder folder;
    Gguf::open(folder.write("x.gguf", gguf.file()));
}

void open_index(const std::string& text) {
    const TempFolder folder;
    folder.write("model.safetensors.index.json", text);
    ModelFiles::open(folder.path());
}

void read_line(int64_t bytes) {
    const TempFolder folder;
    const std::string row = R"({"text":"a"})";
    RowReader rows(folder.write("x.jsonl", row + std::string(static_cast<size_t>(bytes) - row.size(), ' ')), kMiB);
    Json json;
    rows.next(json);
}

std::vector<Limit> limits_of_containers() {
    return {
        {"bytes of a safetensors header", 100'000'000,
         [](int64_t n) {
             const TempFolder folder;
             Safetensors::open(folder.write("x.safetensors", length_prefix(static_cast<uint64_t>(n)) + "{}"));
         }},
        {"rank", 8,
         [](int64_t n) {
             open_container("{" + tensor_entry("a", "U8", "[1" + repeated(",1", n - 1) + "]", "[0,1]") + "}", 1);
         }},
        {"bytes of a tensor's name", 512,
         [](int64_t n) { open_container("{" + tensor_entry(repeated("n", n), "U8", "[0]", "[0,0]") + "}", 0); }},
        {"GGUF: rank", 4,
         [](int64_t n) {
             open_gguf(GgufBytes().tensor("t", std::vector<uint64_t>(static_cast<size_t>(n), 1), kTypeF32,
                                          std::string(4, '\0')));
         }},
        {"GGUF: bytes of a tensor's name", 512,
         [](int64_t n) { open_gguf(GgufBytes().tensor(repeated("n", n), {0}, kTypeF32, "")); }},
        {"GGUF: bytes of a key", 0xFFFF,
         [](int64_t n) { open_gguf(GgufBytes().value(repeated("k", n), gguf_u32(1))); }},
        {"GGUF: bytes of a text", 16 * kMiB,
         [](int64_t n) { open_gguf(GgufBytes().value("k", gguf_text(repeated("t", n)))); }},
        {"GGUF: tensors", 200'000,
         [](int64_t n) {
             GgufBytes g;
             g.extra_tensors = n;
             open_gguf(g);
         }},
        {"GGUF: values", 1 << 16,
         [](int64_t n) {
             GgufBytes g;
             g.extra_values = n;
             open_gguf(g);
         }},
    };
}

std::vector<Limit> limits_of_json() {
    const auto parse = [](const std::string& text, const JsonLimits& limits) { parse_json(text, "x", limits); };
    return {
        {"depth", 64, [=](int64_t n) { parse(repeated("[", n) + repeated("]", n), {}); }},
        {"bytes of a string", 1000, [=](int64_t n) { parse('"' + repeated("a", n) + '"', {.string_bytes = 1000}); }},
        {"bytes of a key", 1000, [=](int64_t n) { parse("{\"" + repeated("a", n) + "\":1}", {.string_bytes = 1000}); }},
        {"bytes", 1000, [=](int64_t n) { parse("1" + repeated(" ", n - 1), {.bytes = 1000}); }},
        {"values", 1000, [=](int64_t n) { parse("[1" + repeated(",1", n - 2) + "]", {.values = 1000}); }},
    };
}

std::vector<Limit> limits_of_model_files() {
    return {
        {"bytes of config.json", 4 * kMiB,
         [](int64_t n) { parse_model_config("[" + repeated(" ", n - 1), "config.json"); }},
        {"bytes of config.json in its folder", 4 * kMiB,
         [](int64_t n) {
             const TempFolder folder;
             sparse(folder, "config.json", n);
             read_model_config(folder.path());
         }},
        {"bytes of adapter_config.json", 4 * kMiB,
         [](int64_t n) {
             const TempFolder folder;
             sparse(folder, "adapter_config.json", n);
             read_lora_config(folder.path());
         }},
        {"patterns of an adapter", 4096,
         [](int64_t n) {
             std::string patterns = R"("x":1)";
             for (int64_t i = 1; i < n; ++i) patterns += fmt::format(R"(,"{}":1)", i);
             const TempFolder folder;
             folder.write("adapter_config.json", R"({"peft_type":"LORA","rank_pattern":{)" + patterns + "}}");
             read_lora_config(folder.path());
         }},
        {"bytes of the index", 64 * kMiB,
         [](int64_t n) {
             const TempFolder folder;
             sparse(folder, "model.safetensors.index.json", n);
             ModelFiles::open(folder.path());
         }},
        {"shards", 10'000,
         [](int64_t n) {
             std::string map = R"("t":"0.safetensors")";
             for (int64_t i = 1; i < n; ++i) map += fmt::format(R"(,"t{}":"{}.safetensors")", i, i);
             open_index(R"({"weight_map":{)" + map + "}}");
         }},
    };
}

// What a BPE of `tokens` tokens "0", "1", … and of `merges` merges of "0" and "1" is.
void load_bpe(int64_t tokens, int64_t merges) {
    std::string vocab = R"("0":0,"1":1,"01":2)";
    for (int64_t id = 3; id < tokens; ++id) vocab += fmt::format(R"(,"{}":{})", id, id);
    const TempFolder folder;
    folder.write("tokenizer.json", R"({"model":{"type":"BPE","vocab":{)" + vocab + R"(},"merges":["0 1")" +
                                       repeated(",\"0 1\"", merges - 1) + "]}}");
    Tokenizer::load(folder.path());
}

std::vector<Limit> limits_of_lists() {
    return {
        {"tokens of a vocabulary", 1 << 21, [](int64_t n) { load_bpe(n, 1); }},
        {"merges", 1 << 22, [](int64_t n) { load_bpe(3, n); }},
        {"tensors of an index", 1'000'000,
         [](int64_t n) {
             std::string map = R"("t":"0.safetensors")";
             for (int64_t i = 1; i < n; ++i) map += fmt::format(R"(,"{}":"0.safetensors")", i);
             open_index(R"({"weight_map":{)" + map + "}}");
         }},
        {"bytes of a manifest", 64 * kMiB,
         [](int64_t n) {
             const TempFolder folder;
             sparse(folder, kManifestName, n);
             read_manifest(folder.path());
         }},
    };
}

std::vector<Limit> limits_of_data() {
    return {
        {"bytes of a line", kMiB, read_line},
        {"depth of a row", 64,
         [](int64_t n) {
             const TempFolder folder;
             RowReader rows(folder.write("x.jsonl", R"({"a":)" + repeated("[", n - 1) + repeated("]", n - 1) + "}"),
                            kMiB);
             Json json;
             rows.next(json);
         }},
        {"bytes of a string in tokenizer.json", kMiB,
         [](int64_t n) {
             const TempFolder folder;
             folder.write("tokenizer.json", "{\"" + repeated("a", n) + "\":1}");
             Tokenizer::load(folder.path());
         }},
        {"bytes of an added token", 4096,
         [](int64_t n) {
             const TempFolder folder;
             folder.write("tokenizer.json",
                          R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":1,"content":")" +
                              repeated("x", n) + "\"}]}");
             Tokenizer::load(folder.path());
         }},
    };
}

}   // namespace

TEST_CASE("one more than a reader's limit is LIMIT, and the limit itself is not") {
    for (const auto& table :
         {limits_of_containers(), limits_of_json(), limits_of_model_files(), limits_of_lists(), limits_of_data()})
        for (const Limit& limit : table) {
            CAPTURE(limit.what);
            const Refusal at_most = refusal_of([&] { limit.read(limit.most); });
            CAPTURE(at_most.text);
            CHECK(at_most.kind != "LIMIT");
            const Refusal beyond = refusal_of([&] { limit.read(limit.most + 1); });
            CAPTURE(beyond.text);
            CHECK(beyond.kind == "LIMIT");
        }
}

TEST_CASE("a safetensors file has up to 200,000 tensors") {
    std::string header = "{";
    for (int i = 0; i < 200'000; ++i)
        header += fmt::format(R"("{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}},)", i);
    const std::string most = header.substr(0, header.size() - 1) + "}";
    CHECK(refusal_of([&] { open_container(most, 0); }).kind == "");
    CHECK(refusal_of([&] { open_container(header + tensor_entry("x", "U8", "[0]", "[0,0]") + "}", 0); }).kind ==
          "LIMIT");
}

TEST_CASE("a tokenizer.json of more than 256 MiB is refused before it is read") {
    const TempFolder folder;
    sparse(folder, "tokenizer.json", 256 * kMiB + 1);
    CHECK(refusal_of([&] { Tokenizer::load(folder.path()); }).kind == "LIMIT");
}
