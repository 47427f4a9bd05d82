// The GGUF container (ggml, docs/gguf.md), versions 2 and 3, little-endian: a list of typed values by key, a list of
// tensors, and behind the next multiple of the alignment their data, each padded to it. Opening proves the whole layout
// before any tensor is touched and allocates by what the file holds, not by what it claims. Names, keys and texts are
// views into the mapped file.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/ggml_blocks.h"
#include "engine/io/mapped_file.h"

namespace llmft {

struct GgufTensor {
    std::string_view name;
    const GgmlType* type;
    int32_t rank;
    std::array<int64_t, 4> extents;   // innermost first, as in the file
    int64_t offset;                   // into the file's data
    Bytes bytes;

    std::vector<int64_t> shape() const;   // outermost first, as everywhere else
    int64_t cols() const { return rank == 0 ? 1 : extents[0]; }
};

// Kinds of values (gguf_metadata_value_type).
enum class GgufKind : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

class GgufCursor;

// A value that knows its key, so that whatever is wrong with it is one UserError: SCHEMA for another kind, RANGE.
class GgufValue {
public:
    GgufValue(std::string_view key, const std::string& file, GgufKind kind, Bytes bytes)
        : key_(key), file_(&file), kind_(kind), bytes_(bytes) {}

    GgufKind kind() const { return kind_; }
    std::string_view key() const { return key_; }
    [[noreturn]] void refuse(std::string_view error, std::string_view what, std::string_view remedy) const;

    std::string_view text() const;   // UTF-8
    bool flag() const;
    int64_t integer(int64_t least, int64_t most) const;   // of any integer kind
    // Of a float kind, finite: the double that the shortest text of a f32 reads as, so that 0.1f is 0.1 again.
    double number(double least, double most) const;
    // Arrays of strings, of integer kinds, of f32. At most `most` elements, else LIMIT.
    std::vector<std::string_view> texts(int64_t most) const;
    std::vector<int64_t> integers(int64_t most) const;
    std::vector<float> numbers(int64_t most) const;

private:
    [[noreturn]] void refuse_kind(std::string_view wanted) const;
    // At the first element of an array.
    GgufCursor elements(int64_t most, uint64_t& count, GgufKind& kind) const;

    std::string_view key_;
    const std::string* file_;
    GgufKind kind_;
    Bytes bytes_;   // from the value to the end of the metadata
};

class Gguf {
public:
    // Errors: SYNTAX (not a GGUF file), VERSION, TRUNC, LIMIT, SCHEMA, ENCODING, DUP, RANGE, OVERFLOW, LAYOUT, and
    // DTYPE for a tensor of a type that is not read.
    static Gguf open(const Path&);

    const std::string& file() const { return file_->name(); }
    std::optional<GgufValue> find_value(std::string_view key) const;
    GgufValue value(std::string_view key) const;   // absent: UserError SCHEMA

    const std::vector<GgufTensor>& tensors() const { return tensors_; }   // sorted by name
    const GgufTensor* find(std::string_view name) const;                  // null: not there
    // Rows of the tensor, seen as a matrix of `cols` columns (a whole number of blocks), to dense rows of type->rows in
    // `to`: row rows[i] of the file becomes row i.
    void read_rows(const GgufTensor& tensor, int64_t cols, std::span<const int64_t> rows, std::byte* to) const;
    void release(const GgufTensor& tensor) const { file_->release(tensor.bytes); }   // MappedFile
    void expect_intact() const { file_->expect_intact(); }   // after the last byte was taken: MappedFile

private:
    struct Entry {
        std::string_view key;
        GgufKind kind;
        Bytes bytes;
    };
    explicit Gguf(MappedFile file) : file_(std::make_unique<MappedFile>(std::move(file))) {}

    std::unique_ptr<MappedFile> file_;   // values point at its name
    std::vector<Entry> values_;          // sorted by key
    std::vector<GgufTensor> tensors_;
};

}   // namespace llmft
