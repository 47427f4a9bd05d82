// Files made to take memory: whatever is in them, a reader holds at most four times their bytes and 16 MiB. Not so yet:
// a row of a million tokens of one digit each, and tokenizer.json, whose merges are parsed as a whole before they
// become a table. The readers run as the fuzz targets run them.
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
    int64_t times = 4;   // its bytes
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
        {"tokens in a row", read_jsonl, filled(R"({"input_ids":[0)", ",1", "]}", 8000), 5},
        {"members of a row", read_jsonl, filled(R"({"text":"")", ",\"{0}\":1", "}", 8000)},
        {"an array of rows", read_jsonl, filled(R"([{"other":[]})", ",{{}}", "]", 8000)},
        {"an array of texts", read_jsonl, filled(R"([{"text":"a"})", R"(,{{"text":"b"}})", "]", 4000)},
        {"blank lines", read_jsonl, filled("", "\n", "", 4000)},
        {"tokens of a vocabulary", read_tokenizer, filled(bpe, ",\"{0}\":{0}", "}}}", 8000), 24},
        {"merges", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a")", ",\"a a\"", "]}}", 8000), 24},
        {"merges as lists", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a","a"])", ",[\"a\",\"a\"]", "]}}", 8000),
         24},
        {"added tokens", read_tokenizer,
         filled(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":0,"content":"a"})",
                R"(,{{"id":{0},"content":"t{0}"}})", "]}", 8000),
         24},
    };
}

}   // namespace

TEST_CASE("no file makes its reader hold more than four times its bytes and 16 MiB") {
    if (!test::counts_allocations()) return test::skip("sanitizers bring an allocator of their own");
    for (const auto& table : {small_files(), large_files()})
        for (const Hungry& file : table) {
            CAPTURE(file.what);
            const int64_t peak = test::peak_bytes([&] { file.read(file.bytes); });
            const auto size = static_cast<int64_t>(file.bytes.size());
            CHECK(peak <= file.times * size + (int64_t{16} << 20));
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
