// The safetensors container (huggingface/safetensors, README "Format"): u64 little-endian header length, a JSON header
// name → {dtype, shape, data_offsets}, raw little-endian row-major tensors. Opening proves the whole layout before any
// tensor is touched: lengths, names, shapes × dtypes against byte ranges, and that the ranges tile the rest of the file
// exactly.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/mapped_file.h"
#include "kernels/base/dtype.h"

namespace llmft {

struct SafeTensor {
    std::string name;
    std::string dtype;            // as in the file: "BF16", "F32", "F8_E4M3", …
    std::vector<int64_t> shape;   // empty: a scalar
    Bytes bytes;                  // in the mapped file, of any alignment
};

// DType of the file's dtype; one that llmft has no type for is UserError DTYPE that names file and tensor.
DType dtype_of(const SafeTensor&, const std::string& file);
// "BF16" for kBf16: how the format spells it.
std::string_view safetensors_name(DType);
// "bfloat16" for kBf16: how torch and config.json spell f32, bf16 and f16.
const char* torch_name(DType);

class Safetensors {
public:
    static Safetensors open(const Path&);

    const std::string& file() const { return file_.name(); }
    const std::vector<SafeTensor>& tensors() const { return tensors_; }   // in the order of the file
    const SafeTensor* find(std::string_view name) const;                  // null: not there
    const std::map<std::string, std::string>& metadata() const { return metadata_; }
    void release(const SafeTensor& t) const { file_.release(t.bytes); }   // of this file: MappedFile
    void expect_intact() const { file_.expect_intact(); }                 // after the last byte was taken: MappedFile

private:
    explicit Safetensors(MappedFile file) : file_(std::move(file)) {}

    MappedFile file_;
    std::vector<SafeTensor> tensors_;
    std::vector<size_t> by_name_;   // indices into tensors_, sorted by name
    std::map<std::string, std::string> metadata_;
};

// Index of the first NaN or infinity among the elements of a floating dtype, -1 where there is none (or no such dtype).
int64_t first_nonfinite(Bytes, std::string_view dtype);
// How many are NaN and how many infinite.
struct NonFinite {
    int64_t nan = 0, infinite = 0;
};
NonFinite count_nonfinite(Bytes, std::string_view dtype);
// The first as a check: UserError VALUE that names file, tensor and index.
void expect_finite(const SafeTensor&, const std::string& file);

struct TensorToWrite {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    std::function<Bytes()>
        bytes;   // called once, in the order of the file; may reuse its buffer at the next tensor's call
};

// Atomically, with the bytes that Hugging Face's writer would give: tensors by dtype (widest first), then by name; a
// compact header padded with spaces to a multiple of 8; metadata {"format": "pt"}.
void write_safetensors(const Path&, std::vector<TensorToWrite>);

}   // namespace llmft
