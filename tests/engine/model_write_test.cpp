#include "engine/io/model_write.h"

#include <doctest/doctest.h>

#include "engine/io/json.h"
#include "engine/io/model_files.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// Tensors of so many bytes, each filled with its number.
std::vector<TensorToWrite> tensors_of(const std::vector<int64_t>& bytes) {
    static std::vector<uint8_t> buffer;
    std::vector<TensorToWrite> tensors;
    for (size_t i = 0; i < bytes.size(); ++i)
        tensors.push_back(
            {.name = "t" + std::to_string(i), .dtype = DType::kU8, .shape = {bytes[i]}, .bytes = [i, n = bytes[i]] {
                 buffer.assign(static_cast<size_t>(n), static_cast<uint8_t>(i));
                 return std::as_bytes(std::span(buffer));
             }});
    return tensors;
}

}   // namespace

TEST_CASE("weights within the limit are one file, without an index") {
    const TempFolder folder;
    write_model_weights(folder.path(), tensors_of({60, 40}), 100);
    CHECK(std::filesystem::exists(folder.path() / "model.safetensors"));
    CHECK_FALSE(std::filesystem::exists(folder.path() / "model.safetensors.index.json"));
}

TEST_CASE("weights past the limit are shards in order, a larger tensor alone, and an index that the reader proves") {
    const TempFolder folder;
    write_model_weights(folder.path(), tensors_of({60, 40, 1, 250, 30, 70}), 100);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "model.safetensors"));
    const Json index = parse_json_file(folder.path() / "model.safetensors.index.json", JsonLimits{});
    CHECK(index["metadata"] == Json{{"total_parameters", 451}, {"total_size", 451}});
    const std::vector<std::string> wanted = {"00001", "00001", "00002", "00003", "00004", "00004"};
    for (size_t i = 0; i < wanted.size(); ++i)
        CHECK(index["weight_map"]["t" + std::to_string(i)] == "model-" + wanted[i] + "-of-00004.safetensors");
    const ModelFiles files = ModelFiles::open(folder.path());
    for (size_t i = 0; i < wanted.size(); ++i)
        CHECK(files.at("t" + std::to_string(i)).tensor->bytes[0] == static_cast<std::byte>(i));
}
