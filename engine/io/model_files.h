// The weights of a Hugging Face model folder: model.safetensors, or model.safetensors.index.json and its shards.
// Opening proves that the index tells the truth; no tensor is read yet.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/io/safetensors.h"

namespace llmft {

// Whether something has this name, be it a link to nothing.
bool is_there(const Path& path);

class ModelFiles {
public:
    struct Place {
        const SafeTensor* tensor;   // null: not there
        const std::string* file;    // for errors
        explicit operator bool() const { return tensor != nullptr; }
    };

    // Errors beside those of Safetensors::open: MISSING (no weights, no shard, a tensor not in its shard), EXTRA (a
    // tensor that the index does not know), PATH (a shard's name leaves the folder), DUP (a tensor in two shards),
    // SCHEMA (the index), UNSAFE (there are only pickles).
    static ModelFiles open(const Path& folder);

    Place find(std::string_view name) const;
    Place at(std::string_view name) const;         // absent: UserError MISSING
    std::vector<std::string_view> names() const;   // of all tensors, sorted
    int64_t total_bytes() const;
    void release(std::string_view name) const;   // MappedFile, of a tensor's bytes
    void expect_intact() const;   // after the last tensor was read: UserError TRUNC where a file changed meanwhile
    const std::string& folder() const { return folder_; }

private:
    explicit ModelFiles(const Path& folder) : folder_(folder.string()) {}
    void add(Safetensors);

    std::string folder_;
    std::vector<Safetensors> shards_;
    std::unordered_map<std::string_view, Place> places_;   // keys and places point into shards_, whose buffers stay put
};

}   // namespace llmft
