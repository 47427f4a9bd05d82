#include "engine/io/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
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
constexpr size_t kMaxTensors = 1'000'000;
constexpr std::string_view kRemedy = "fetch the model again";

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

std::string entry_name(std::string_view tensor) {
    return "weight_map " + in_quotes(tensor);
}

// The index's weight_map, collected while it is parsed: twelve bytes and the name for each tensor.
class WeightMap {
public:
    void add(const JsonItem& item, const std::string& file) {
        const std::string shard = JsonField(item.value, file, entry_name(item.key)).text();
        const auto known = shards_.try_emplace(shard, static_cast<uint32_t>(shards_.size())).first;
        if (shards_.size() > kMaxShards) refuse(file, fmt::format("names more than {} shards", kMaxShards));
        if (entries_.size() == kMaxTensors) refuse(file, fmt::format("names more than {} tensors", kMaxTensors));
        entries_.push_back(
            {known->second, static_cast<uint32_t>(names_.size()), static_cast<uint32_t>(item.key.size())});
        names_ += item.key;
    }

    // Once, behind the last: by shard, then by name.
    void sort(const std::string& file) {
        const auto name_order = [this](const Entry& a, const Entry& b) { return name_of(a) < name_of(b); };
        const auto same_name = [this](const Entry& a, const Entry& b) { return name_of(a) == name_of(b); };
        std::sort(entries_.begin(), entries_.end(), name_order);
        const auto twice = std::adjacent_find(entries_.begin(), entries_.end(), same_name);
        if (twice != entries_.end())
            throw UserError("DUP", file, entry_name(name_of(*twice)), "appears twice", kRemedy);
        // std::stable_sort would say nothing where memory is out.
        std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
            return a.shard != b.shard ? a.shard < b.shard : name_order(a, b);
        });
    }

    bool empty() const { return entries_.empty(); }
    const std::map<std::string, uint32_t>& shards() const { return shards_; }   // their numbers
    std::vector<std::string_view> tensors(uint32_t shard) const {
        std::vector<std::string_view> names;
        auto at = std::partition_point(entries_.begin(), entries_.end(),
                                       [&](const Entry& entry) { return entry.shard < shard; });
        for (; at != entries_.end() && at->shard == shard; ++at) names.push_back(name_of(*at));
        return names;
    }

private:
    struct Entry {
        uint32_t shard, begin, size;
    };
    [[noreturn]] static void refuse(const std::string& file, const std::string& what) {
        throw UserError("LIMIT", file, "weight_map", what, kRemedy);
    }
    std::string_view name_of(const Entry& entry) const {
        return std::string_view(names_).substr(entry.begin, entry.size);
    }

    std::map<std::string, uint32_t> shards_;
    std::string names_;
    std::deque<Entry> entries_;   // grows without a second copy
};

// The shard holds what the index puts there, and nothing else.
void expect_listed(const Safetensors& shard, const std::vector<std::string_view>& tensors) {
    for (const std::string_view name : tensors)
        if (shard.find(name) == nullptr)
            throw UserError("MISSING", shard.file(), "tensor " + in_quotes(name),
                            "the index says that it is in this shard, but it is not", kRemedy);
    for (const SafeTensor& tensor : shard.tensors())
        if (!std::binary_search(tensors.begin(), tensors.end(), tensor.name))
            throw UserError("EXTRA", shard.file(), "tensor " + in_quotes(tensor.name),
                            "the index does not put it in this shard", kRemedy);
}

Json read_index(const Path& path, WeightMap& map) {
    constexpr int64_t kMostBytes = int64_t{64} << 20;
    const std::string file = path.string();
    Json json =
        parse_json(read_file(path, kMostBytes), file, {.bytes = kMostBytes},
                   {{"weight_map", JsonPart::Type::kObject, [&](const JsonItem& item) { map.add(item, file); }}});
    map.sort(file);
    return json;
}

void expect_shards(const Path& folder, const JsonField& field, const WeightMap& map) {
    field.expect_object();
    if (map.empty()) field.refuse("SCHEMA", "is empty", kRemedy);
    for (const auto& [shard, number] : map.shards())
        expect_inside(folder, JsonField(field.json(), field.file(), entry_name(map.tensors(number).front())), shard);
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

bool is_there(const Path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

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
    if (is_there(folder / kSingle)) {
        files.add(Safetensors::open(folder / kSingle));
    } else if (is_there(index_path)) {
        WeightMap map;
        const Json json = read_index(index_path, map);
        const JsonField index(json, index_path.string(), "");
        expect_shards(folder, index.at("weight_map"), map);
        files.shards_.reserve(map.shards().size());
        for (const auto& [shard, number] : map.shards()) files.add(Safetensors::open(folder / shard));
        size_t i = 0;
        for (const auto& [shard, number] : map.shards()) expect_listed(files.shards_[i++], map.tensors(number));
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
