#include "engine/io/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr size_t kMaxShards = 10'000;
constexpr int64_t kMaxTensors = 1'000'000;
constexpr std::string_view kRemedy = "fetch the model again";

bool present(const Path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

bool is_pickle(const Path& path) {
    static const std::set<std::string> kSuffixes = {".bin", ".pt", ".pth", ".ckpt"};
    return kSuffixes.contains(path.extension().string());
}

[[noreturn]] void refuse_without_weights(const Path& folder) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
        throw UserError("MISSING", folder.string(), "", "is not a folder",
                        "give the path of a Hugging Face model folder");
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (is_pickle(entry.path()))
            throw UserError("UNSAFE", entry.path().string(), "",
                            "is a pickle, which can run code, and there is no model.safetensors",
                            "fetch the safetensors version, or convert it where you trust it");
    throw UserError("MISSING", folder.string(), "", "holds neither model.safetensors nor its index", "check the path");
}

// A shard lies in the folder, or, where the folder is a snapshot of Hugging Face's cache, among the cache's blobs.
void expect_inside(const Path& folder, const JsonField& field, const std::string& shard) {
    const bool plain =
        shard.ends_with(".safetensors") && shard.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
    const auto refuse = [&](std::string_view what) {
        field.refuse("PATH", in_quotes(shard) + std::string(what), kRemedy);
    };
    if (!plain) refuse(" is not the plain name of a .safetensors file");
    std::error_code error;
    const Path root = std::filesystem::canonical(folder, error);
    const Path real = std::filesystem::canonical(folder / shard, error);
    if (error)
        throw UserError("MISSING", (folder / shard).string(), "", "the index lists this shard, but it is not there",
                        kRemedy);
    const Path blobs = root.parent_path().parent_path() / "blobs";
    if (real.parent_path() != root && real.parent_path() != blobs) refuse(" is a link that leaves the folder");
}

using WeightMap = std::map<std::string, std::set<std::string_view>>;   // shard → its tensors, views into the index

WeightMap read_weight_map(const Path& folder, const JsonField& index) {
    const JsonField map = index.at("weight_map");
    map.expect_object();
    if (map.json().empty()) map.refuse("SCHEMA", "is empty", kRemedy);
    const auto entry = [&](std::string_view name, const Json& value) {
        return JsonField(value, map.file(), "weight_map " + in_quotes(name));
    };
    WeightMap shards;
    for (const auto& [name, value] : map.json().items()) {
        shards[entry(name, value).text()].insert(name);
        if (shards.size() > kMaxShards)
            map.refuse("LIMIT", fmt::format("names more than {} shards", kMaxShards), kRemedy);
    }
    for (const auto& [shard, tensors] : shards) expect_inside(folder, entry(*tensors.begin(), map.json()), shard);
    return shards;
}

// The shard holds what the index puts there, and nothing else.
void expect_listed(const Safetensors& shard, const std::set<std::string_view>& tensors) {
    for (const std::string_view name : tensors)
        if (shard.find(name) == nullptr)
            throw UserError("MISSING", shard.file(), "tensor " + in_quotes(name),
                            "the index says that it is in this shard, but it is not", kRemedy);
    for (const SafeTensor& tensor : shard.tensors())
        if (!tensors.contains(tensor.name))
            throw UserError("EXTRA", shard.file(), "tensor " + in_quotes(tensor.name),
                            "the index does not put it in this shard", kRemedy);
}

void check_total(const JsonField& index, int64_t bytes) {
    const auto metadata = index.find("metadata");
    const auto total = metadata ? metadata->find("total_size") : std::nullopt;
    if (total && total->number(0, 1e18) != static_cast<double>(bytes))
        total->refuse("SCHEMA",
                      fmt::format("is {}, but the shards hold {} bytes of tensors", total->json().dump(), bytes),
                      kRemedy);
}

}   // namespace

void ModelFiles::add(Safetensors shard) {
    shards_.push_back(std::move(shard));
    const Safetensors& added = shards_.back();
    for (const SafeTensor& tensor : added.tensors()) {
        const auto [at, fresh] = places_.try_emplace(tensor.name, Place{&tensor, nullptr});
        if (!fresh)
            throw UserError("DUP", added.file(), "tensor " + in_quotes(tensor.name), "lies in another shard too",
                            kRemedy);
    }
}

ModelFiles ModelFiles::open(const Path& folder) {
    ModelFiles files(folder);
    const Path index_path = folder / kIndex;
    if (present(folder / kSingle)) {
        files.add(Safetensors::open(folder / kSingle));
    } else if (present(index_path)) {
        const Json json = parse_json_file(index_path, {.bytes = int64_t{64} << 20, .values = kMaxTensors + 1000});
        const JsonField index(json, index_path.string(), "");
        const WeightMap map = read_weight_map(folder, index);
        files.shards_.reserve(map.size());
        for (const auto& [shard, tensors] : map) files.add(Safetensors::open(folder / shard));
        size_t i = 0;
        for (const auto& [shard, tensors] : map) expect_listed(files.shards_[i++], tensors);
        check_total(index, files.total_bytes());
    } else {
        refuse_without_weights(folder);
    }
    for (const Safetensors& shard : files.shards_)
        for (const SafeTensor& tensor : shard.tensors()) files.places_.at(tensor.name).file = &shard.file();
    return files;
}

ModelFiles::Place ModelFiles::find(std::string_view name) const {
    const auto at = places_.find(name);
    return at == places_.end() ? Place{nullptr, nullptr} : at->second;
}

ModelFiles::Place ModelFiles::at(std::string_view name) const {
    const Place place = find(name);
    if (!place)
        throw UserError("MISSING", folder_, "tensor " + in_quotes(name), "is not in the model's files", kRemedy);
    return place;
}

std::vector<std::string_view> ModelFiles::names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, place] : places_) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

void ModelFiles::release(std::string_view name) const {
    for (const Safetensors& shard : shards_)
        if (const SafeTensor* tensor = shard.find(name)) shard.release(*tensor);
}

void ModelFiles::expect_intact() const {
    for (const Safetensors& shard : shards_) shard.expect_intact();
}

int64_t ModelFiles::total_bytes() const {
    int64_t bytes = 0;
    for (const auto& [name, place] : places_) bytes += static_cast<int64_t>(place.tensor->bytes.size());
    return bytes;
}

}   // namespace llmft
