// Rows 34 to 38: an index and its shards.
#include <doctest/doctest.h>

#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

std::string header_of(const std::string& file) {
    uint64_t length = 0;
    for (size_t i = 0; i < 8; ++i) length |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
    return file.substr(8, length);
}

// The first shard gets an empty tensor of the name that the second one's first has; the index stays as it is.
void put_twice(const Scene& s) {
    const Path first = s.model() / "model-00001-of-00004.safetensors",
               second = s.model() / "model-00002-of-00004.safetensors";
    const std::string bytes = bytes_of(first), other = bytes_of(second);
    Json header = Json::parse(header_of(bytes)), twice = Json::parse(header_of(other));
    const std::string data = bytes.substr(8 + header_of(bytes).size());
    twice.erase("__metadata__");
    const std::string name = twice.begin().key();
    header[name] = {{"dtype", "BF16"}, {"shape", {0}}, {"data_offsets", {data.size(), data.size()}}};
    put(first, container(header.dump(), 0) + data);
}

const BadCase kShards[] = {
    {34, "a shard that is not there", "MISSING", "model-00002",
     [](Scene& s) {
         shard(s, [](Json&) {});
         fs::remove(s.model() / "model-00002-of-00004.safetensors");
     }},
    {35, "a shard without its tensor", "MISSING", "lm_head",
     [](Scene& s) {
         shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "model-00001-of-00004.safetensors"; });
     }},
    {36, "a shard outside the folder", "PATH", "../x",
     [](Scene& s) { shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "../x.safetensors"; }); }},
    {36, "a shard by absolute path", "PATH", "/etc/passwd",
     [](Scene& s) { shard(s, [](Json& i) { i["weight_map"]["lm_head.weight"] = "/etc/passwd"; }); }},
    {38, "a sum of bytes that is wrong", "SCHEMA", "total_size",
     [](Scene& s) { shard(s, [](Json& i) { i["metadata"]["total_size"] = 5; }); }},
    {38, "an index without a map", "SCHEMA", "weight_map",
     [](Scene& s) { shard(s, [](Json& i) { i.erase("weight_map"); }); }},
    {25, "a cut shard", "TRUNC", "model-00003",
     [](Scene& s) {
         shard(s, [](Json&) {});
         fs::resize_file(s.model() / "model-00003-of-00004.safetensors", 9000);
     }},
    {36, "a shard that is a link out of the folder", "PATH", "model-00003",
     [](Scene& s) {
         shard(s, [](Json&) {});
         const Path inside = s.model() / "model-00003-of-00004.safetensors", outside = s.path("elsewhere.safetensors");
         fs::rename(inside, outside);
         fs::create_symlink(outside, inside);
     }},
    {37, "a tensor in two shards", "DUP", "model-0000",
     [](Scene& s) {
         shard(s, [](Json&) {});
         put_twice(s);
     }},
};

}   // namespace

std::span<const BadCase> bad_shards() {
    return kShards;
}

void shard(Scene& s, const std::function<void(Json&)>& edit) {
    const Path golden = source_dir() / "tests/golden/tiny-sharded-bf16";
    fs::remove_all(s.model());
    fs::create_directory(s.model());
    for (const auto& entry : fs::directory_iterator(golden))
        if (const std::string name = entry.path().filename(); name.starts_with("model") || name == "config.json")
            fs::copy_file(entry.path(), s.model() / name);
    put(s.rows(), "{\"input_ids\":[3,4,5]}\n");
    s.change(s.model() / "model.safetensors.index.json", edit);
}

}   // namespace llmft::test
