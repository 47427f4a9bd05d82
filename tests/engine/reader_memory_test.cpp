// Files made to take memory: whatever is in them, a reader holds at most four times their bytes and 16 MiB. Not so yet:
// a row of a million tokens of one digit each. The readers run as the fuzz targets run them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <vector>

#include "tests/engine/safetensors_bytes.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/allocations.h"
#include "tests/harness/skip.h"

using namespace llmft;

namespace {

struct Hungry {
    std::string what;
    void (*read)(std::string_view);
    std::string bytes;
};

// first unit unit … last, about `kib` in all; {0} in the unit is its number, from 1.
std::string filled(std::string_view first, std::string_view unit, std::string_view last, int64_t kib) {
    std::string text(first);
    for (int64_t i = 1; static_cast<int64_t>(text.size()) < kib << 10; ++i) text += fmt::format(fmt::runtime(unit), i);
    return text.append(last);
}

std::vector<Hungry> small_files() {
    using fuzz::read_adapter_config, fuzz::read_config, fuzz::read_run_file, fuzz::read_tokenizer_config;
    const std::string adapter = R"({"peft_type":"LORA","r":4,"lora_alpha":8,)";
    const std::string config = R"({"model_type":"llama","num_hidden_layers":2,"hidden_size":8,"intermediate_size":8,)"
                               R"("vocab_size":8,"num_attention_heads":2,)";
    return {
        {"lists in config.json", read_config, filled("[[]", ",[]", "]", 3000)},
        {"objects in config.json", read_config, filled("[0", ",{{}}", "]", 3000)},
        {"members of config.json", read_config, filled(config + "\"x\":1", ",\"{0}\":1", "}", 3000)},
        {"few enough members of config.json", read_config, filled(config + "\"x\":1", ",\"{0:016}\":1", "}", 1300)},
        {"eos tokens", read_config, filled(config + "\"eos_token_id\":[1", ",1", "]}", 120)},
        {"target modules", read_adapter_config, filled(adapter + R"("target_modules":["a")", ",\"\"", "]}", 90)},
        {"many target modules", read_adapter_config,
         filled(adapter + R"("target_modules":["a")", ",\"b\"", "]}", 3000)},
        {"patterns", read_adapter_config, filled(adapter + R"("rank_pattern":{"a":1)", ",\"{0}\":1", "}}", 32)},
        {"many patterns", read_adapter_config, filled(adapter + R"("rank_pattern":{"a":1)", ",\"{0}\":1", "}}", 2000)},
        {"layers", read_adapter_config,
         filled(adapter + R"("target_modules":["a"],"layers_to_transform":[0)", ",{0}", "]}", 160)},
        {"keys of a run file", read_run_file, filled("", "k{0}=1\n", "", 255)},
        {"tables of a run file", read_run_file, filled("", "[[a]]\n", "", 255)},
        {"a list of a run file", read_run_file, filled("dataset=['a'", ",''", "]", 255)},
        {"lists in tokenizer_config.json", read_tokenizer_config, filled("{\"a\":[[]", ",[]", "]}", 3000)},
    };
}

// The n-th of the shortest texts that need no escape in JSON: 1 byte each, then 2, ….
std::string short_text(int64_t n) {
    constexpr std::string_view kLetters =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&()*+,-./:;<=>?@[]^_`{|}~";
    const auto letters = static_cast<int64_t>(kLetters.size());
    std::string text;
    for (++n; n > 0; n = (n - 1) / letters) text += kLetters[static_cast<size_t>((n - 1) % letters)];
    return text;
}

// A BPE of so many shortest tokens, and of `merges` of "0" with one of the others into a third where they are tokens.
std::string short_tokens(int64_t tokens, bool merges, bool merges_first) {
    std::string vocab, list;
    constexpr int64_t kWithTwo = 91 + 91 * 91;   // tokens of at most two letters
    for (int64_t id = 0; id < tokens; ++id) {
        const std::string token = short_text(id);
        vocab += fmt::format("{}\"{}\":{}", id == 0 ? "" : ",", token, id);
        if (!merges || id < kWithTwo) continue;
        list += fmt::format("{}\"{} {}\"", list.empty() ? "" : ",", token.substr(0, 1), token.substr(1));
        list += fmt::format(",\"{} {}\"", token.substr(0, 2), token.substr(2));
    }
    const std::string v = "\"vocab\":{" + vocab + "}", m = "\"merges\":[" + list + "]";
    return R"({"model":{"type":"BPE",)" + (merges_first ? m + "," + v : v + "," + m) + "}}";
}

// A single character each, beyond ASCII.
std::string characters_as_tokens(int64_t tokens) {
    std::string vocab = "\"a\":0";
    for (int64_t id = 1; id < tokens; ++id) {
        const auto c = static_cast<unsigned>(0x10000 + id);
        const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
        const char utf8[] = {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
        vocab += fmt::format(",\"{}\":{}", std::string_view(utf8, sizeof utf8), id);
    }
    return R"({"model":{"type":"BPE","merges":[],"vocab":{)" + vocab + "}}}";
}

// One file of many blocks, without the manifest's own hash.
std::string many_hashes(int64_t blocks) {
    std::string hashes;
    for (int64_t i = 0; i < blocks; ++i) hashes += i == 0 ? "\"0123456789abcdef\"" : ",\"0123456789abcdef\"";
    return fmt::format(R"({{"format":1,"facts":{{}},"files":{{"a":{{"bytes":{},"xxh3":[{}]}}}})", blocks << 22, hashes);
}

std::vector<Hungry> vocabularies() {
    using fuzz::read_tokenizer;
    return {
        {"200,000 shortest tokens", read_tokenizer, short_tokens(200'000, false, false)},
        {"700,000 shortest tokens", read_tokenizer, short_tokens(700'000, false, false)},
        {"merges of shortest tokens", read_tokenizer, short_tokens(700'000, true, false)},
        {"merges before their tokens", read_tokenizer, short_tokens(700'000, true, true)},
        {"a million characters", read_tokenizer, characters_as_tokens(1'000'000)},
    };
}

std::vector<Hungry> lists_of_files() {
    std::string index = R"({"weight_map":{"x":"a.safetensors")";
    for (int i = 0; i < 60'000; ++i) index += fmt::format(R"(,"{}":"a.safetensors")", i);
    return {
        {"an index of 60,000 tensors", fuzz::read_index, index + "}}"},
        {"hashes of a manifest", fuzz::read_manifest, many_hashes(400'000)},
        {"files of a manifest", fuzz::read_manifest,
         filled(R"({"format":1,"facts":{},"files":{"a":{"bytes":0,"xxh3":[]})", R"(,"{0}":{{"bytes":0,"xxh3":[]}})",
                "}", 4000)},
    };
}

std::vector<Hungry> large_files() {
    using fuzz::read_index, fuzz::read_jsonl, fuzz::read_safetensors, fuzz::read_tokenizer;
    const auto container = [](const std::string& header) { return test::container(header, 0); };
    const std::string bpe = R"({"model":{"type":"BPE","merges":[],"vocab":{"0":0)";
    return {
        {"tensors", read_safetensors,
         container(filled(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})",
                          R"(,"{0}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", "}", 3000))},
        {"metadata", read_safetensors, container(filled(R"({"__metadata__":{"a":"")", ",\"{0}\":\"\"", "}}", 2000))},
        {"tensors of an index", read_index,
         filled(R"({"weight_map":{"x":"a.safetensors")", ",\"{0}\":\"a.safetensors\"", "}}", 8000)},
        {"short names of an index", read_index,
         filled(R"({"weight_map":{"x":"a.safetensors")", ",\"{0}\":\"\"", "}}", 8000)},
        {"lists in an index", read_index, filled(R"({"metadata":[[])", ",[]", "]}", 8000)},
        {"lists in a row", read_jsonl, filled(R"({"text":[[])", ",[]", "]}", 8000)},
        {"objects in a row", read_jsonl, filled(R"({"text":[0)", ",{{}}", "]}", 8000)},
        {"tokens in a row", read_jsonl, filled(R"({"input_ids":[0)", ",1", "]}", 1000)},
        {"members of a row", read_jsonl, filled(R"({"text":"")", ",\"{0}\":1", "}", 8000)},
        {"an array of rows", read_jsonl, filled(R"([{"other":[]})", ",{{}}", "]", 8000)},
        {"an array of texts", read_jsonl, filled(R"([{"text":"a"})", R"(,{{"text":"b"}})", "]", 4000)},
        {"blank lines", read_jsonl, filled("", "\n", "", 4000)},
        {"tokens of a vocabulary", read_tokenizer, filled(bpe, ",\"{0}\":{0}", "}}}", 8000)},
        {"merges", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a")", ",\"a a\"", "]}}", 8000)},
        {"merges as lists", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a","a"])", ",[\"a\",\"a\"]", "]}}", 8000)},
        {"added tokens", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":0,"content":"a"})",
                R"(,{{"id":{0},"content":"t{0}"}})", "]}", 8000)},
    };
}

}   // namespace

TEST_CASE("no file makes its reader hold more than four times its bytes and 16 MiB") {
    if (!test::counts_allocations()) return test::skip("sanitizers bring an allocator of their own");
    for (const auto& table : {small_files(), large_files(), vocabularies(), lists_of_files()})
        for (const Hungry& file : table) {
            CAPTURE(file.what);
            const int64_t peak = test::peak_bytes([&] { file.read(file.bytes); });
            const auto size = static_cast<int64_t>(file.bytes.size());
            CHECK(peak <= 4 * size + (int64_t{16} << 20));
        }
}

TEST_CASE("what is allocated is counted, and what is freed no more") {
    if (!test::counts_allocations()) return test::skip("sanitizers bring an allocator of their own");
    const int64_t before = test::live_bytes();
    const int64_t peak = test::peak_bytes([] {
        const std::vector<char> megabyte(size_t{1} << 20);
        REQUIRE(megabyte.data() != nullptr);   // so that no compiler leaves it out
    });
    CHECK(peak >= 1 << 20);
    CHECK(peak < (1 << 20) + 4096);
    CHECK(test::live_bytes() == before);
}
