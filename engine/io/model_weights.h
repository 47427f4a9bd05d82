// The weights of a model by their Hugging Face names, wherever they lie and however they are stored: a tensor is read a
// few rows at a time, so that a large one is never whole in memory as f32.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/quant/quant4_data.h"

namespace llmft {

// How the numbers of a tensor lie in its file. A new way to pack a matrix is a value here and a ModelWeights that
// decodes it; whoever keeps the packing asks for the storage before it reads rows.
enum class Storage : uint8_t {
    kPlain,    // row-major elements of one dtype
    kBlocks,   // GGML's blocks of quantised numbers along a row
    kQuant4    // bitsandbytes' four bits
};

struct StoredTensor {
    std::string name;             // Hugging Face's: "model.layers.0.mlp.up_proj.weight"
    std::string file;             // where it lies, for errors
    std::string type;             // as the file calls it: "BF16", "Q4_K", "NF4"
    std::vector<int64_t> shape;   // row-major; a vector counts as one row
    Storage storage = Storage::kPlain;

    int64_t rows() const { return shape.size() < 2 ? 1 : shape.front(); }
    int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
};

// Dense rows of a dtype. The bytes lie in the file's mapping or in the reader's scratch, of any alignment.
struct StoredRows {
    Bytes bytes;
    DType dtype;
};

class ModelWeights {
public:
    virtual ~ModelWeights() = default;

    const std::vector<StoredTensor>& tensors() const { return tensors_; }   // sorted by name
    const StoredTensor* find(std::string_view name) const;                  // null: not there
    const StoredTensor& at(std::string_view name) const;                    // absent: UserError MISSING

    // Rows [first, first + count) of one of tensors(): as stored where that is plain, else decoded: to what was encoded
    // (kQuant4), to f32 (kBlocks). `scratch` is grown as needed and may hold the rows until its next use. UserError
    // DTYPE for what llmft has no type for.
    virtual StoredRows rows(const StoredTensor& tensor, int64_t first, int64_t count,
                            std::vector<std::byte>& scratch) const = 0;
    // The tensor was read: its part of the file need not stay in memory.
    virtual void release(const StoredTensor& tensor) const = 0;
    // The packing itself of a tensor that is stored in four bits.
    virtual Quant4Data quant4(const StoredTensor& tensor) const;
    // After the last tensor was read: UserError TRUNC where a file changed meanwhile.
    virtual void expect_intact() const = 0;

protected:
    explicit ModelWeights(std::string where) : where_(std::move(where)) {}
    void set_tensors(std::vector<StoredTensor>);

private:
    std::string where_;
    std::vector<StoredTensor> tensors_;
};

}   // namespace llmft
