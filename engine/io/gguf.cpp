#include "engine/io/gguf.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "engine/io/gguf_cursor.h"
#include "engine/io/quote.h"
#include "engine/io/stand_in.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"

namespace llmft {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are mapped as they are");

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kOldest = 2, kNewest = 3;
constexpr uint64_t kMaxValues = 1 << 16;
constexpr uint64_t kMaxTensors = 200'000;
constexpr uint64_t kMaxKey = 0xFFFF;   // of the format
constexpr uint64_t kMaxName = 512;
constexpr uint32_t kMaxRank = 4;   // of the format
constexpr int64_t kDefaultAlignment = 32, kMaxAlignment = 1 << 20;
constexpr size_t kLeastValueBytes = 8 + 4 + 1;        // a key's length, a kind, the smallest value
constexpr size_t kLeastTensorBytes = 8 + 4 + 4 + 8;   // a name's length, a rank, a type, an offset
constexpr std::string_view kRemedy = "fetch the file again";

// How many tensors and values follow.
struct Counts {
    uint64_t tensors, values;
};

void expect_version(GgufCursor& in, const std::string& file) {
    in.enter("version");
    const auto version = in.take<uint32_t>();
    const auto refuse = [&](std::string_view what, std::string_view remedy) {
        throw UserError("VERSION", file, "version", what, remedy);
    };
    const uint32_t swapped = __builtin_bswap32(version);
    if (swapped >= 1 && swapped <= kNewest) refuse("the file is big-endian", "convert it to little-endian");
    if (version < kOldest || version > kNewest)
        refuse(fmt::format("is {}, versions {} and {} are read", version, kOldest, kNewest),
               "convert the model anew with a current tool");
}

Counts read_counts(GgufCursor& in, const std::string& file) {
    const auto bytes = in.rest();
    constexpr size_t kLooked = 64;
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
    refuse_stand_in(head, file);
    if (head.substr(0, kMagic.size()) != kMagic.substr(0, head.size()))
        throw UserError("SYNTAX", file, "", "is not a GGUF file", "give a Hugging Face model folder or a .gguf file");
    in.enter("header");
    in.skip(kMagic.size());
    expect_version(in, file);
    const auto count = [&](const char* what, uint64_t most, size_t least_bytes) {
        in.enter(fmt::format("number of {}", what));
        const auto n = in.take<uint64_t>();
        if (n > most) in.refuse("LIMIT", fmt::format("is {}, at most {} are read", n, most));
        if (n > in.left() / least_bytes)
            in.refuse("TRUNC", fmt::format("is {}, but {} follow", n, byte_count_text(in.left())));
        return n;
    };
    const uint64_t tensors = count("tensors", kMaxTensors, kLeastTensorBytes);
    return {tensors, count("values", kMaxValues, kLeastValueBytes)};
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) == 0x7F; });
}

std::string_view read_key(GgufCursor& in) {
    const std::string_view key = in.take_string(kMaxKey);
    const bool ascii = std::all_of(key.begin(), key.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
    if (key.empty() || !ascii || has_control(key))
        in.refuse("ENCODING", fmt::format("the key {} is not printable ASCII", in_quotes(key)));
    in.enter(in_quotes(key));
    return key;
}

bool is_empty(const GgufTensor& tensor) {
    const auto last = tensor.extents.begin() + tensor.rank;
    return std::find(tensor.extents.begin(), last, 0) != last;
}

int64_t byte_count(const GgufCursor& in, const GgufTensor& tensor) {
    if (tensor.cols() % tensor.type->block_elements != 0)
        in.refuse("LAYOUT", fmt::format("a row of {} elements is no whole number of {} blocks of {}", tensor.cols(),
                                        tensor.type->name, tensor.type->block_elements));
    // Overflow is looked for among the factors without zeros too, as in safetensors.
    int64_t product = tensor.type->block_bytes;
    for (int32_t i = 0; i < tensor.rank; ++i) {
        const int64_t extent = tensor.extents[static_cast<size_t>(i)];
        if (extent != 0 && __builtin_mul_overflow(product, extent, &product))
            in.refuse("OVERFLOW",
                      fmt::format("shape ({}) takes more than 2^63 bytes",
                                  fmt::join(tensor.extents.begin(), tensor.extents.begin() + tensor.rank, ", ")));
    }
    return is_empty(tensor) ? 0 : product / tensor.type->block_elements;
}

// All but its bytes: the place is not yet compared with the file.
GgufTensor read_tensor(GgufCursor& in, int64_t alignment) {
    GgufTensor tensor = {};
    tensor.name = in.take_string(kMaxName);
    if (first_invalid_utf8(tensor.name) != std::string_view::npos || has_control(tensor.name))
        in.refuse("ENCODING", fmt::format("the name {} is no printable UTF-8", in_quotes(tensor.name)));
    in.enter("tensor " + in_quotes(tensor.name));
    const auto rank = in.take<uint32_t>();
    if (rank > kMaxRank) in.refuse("LIMIT", fmt::format("has rank {}, at most {}", rank, kMaxRank));
    tensor.rank = static_cast<int32_t>(rank);
    for (uint32_t i = 0; i < rank; ++i) {
        const auto extent = in.take<uint64_t>();
        if (extent > uint64_t{INT64_MAX}) in.refuse("OVERFLOW", fmt::format("has an extent of {}", extent));
        tensor.extents[i] = static_cast<int64_t>(extent);
    }
    const auto type = in.take<uint32_t>();
    const auto offset = in.take<uint64_t>();
    tensor.type = ggml_type(type);
    if (tensor.type == nullptr)
        in.refuse("DTYPE", fmt::format("is stored as {}, which is not read", ggml_type_name(type)));
    if (offset > uint64_t{INT64_MAX} || offset % static_cast<uint64_t>(alignment) != 0)
        in.refuse("LAYOUT", fmt::format("begins at {} of the data, which is no multiple of {}", offset, alignment));
    tensor.offset = static_cast<int64_t>(offset);
    byte_count(in, tensor);
    return tensor;
}

// Every byte of the data belongs to exactly one tensor or to the padding behind one.
void give_bytes(std::vector<GgufTensor>& tensors, Bytes data, int64_t alignment, GgufCursor& in) {
    std::sort(tensors.begin(), tensors.end(), [](const GgufTensor& a, const GgufTensor& b) {
        const auto order = [](const GgufTensor& t) { return std::tuple(t.offset, !is_empty(t), t.name); };
        return order(a) < order(b);
    });
    const auto size = static_cast<int64_t>(data.size());
    int64_t end = 0;
    for (GgufTensor& t : tensors) {
        in.enter("tensor " + in_quotes(t.name));
        const int64_t bytes = byte_count(in, t);
        if (t.offset != end)
            in.refuse("LAYOUT",
                      fmt::format("begins at {} of the data, the tensors before it end at {}", t.offset, end));
        if (bytes > size - t.offset)
            in.refuse("TRUNC", fmt::format("takes {} bytes from {} of the data, which has {}", bytes, t.offset, size));
        t.bytes = data.subspan(static_cast<size_t>(t.offset), static_cast<size_t>(bytes));
        end = t.offset + (bytes + alignment - 1) / alignment * alignment;   // at most the file's and a padding
    }
    in.enter("data");
    if (end > size) in.refuse("TRUNC", fmt::format("end at {}, wanted {} with the padding", size, end));
    if (end < size) in.refuse("LAYOUT", fmt::format("{} too many behind the last tensor", byte_count_text(size - end)));
}

template <class Items, class Name>
void sort_and_refuse_doubles(Items& items, const Name& name, const std::string& file) {
    std::sort(items.begin(), items.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
    const auto twice = std::adjacent_find(items.begin(), items.end(),
                                          [&](const auto& a, const auto& b) { return name(a) == name(b); });
    if (twice != items.end()) throw UserError("DUP", file, in_quotes(name(*twice)), "appears twice", kRemedy);
}

template <class Items, class Name>
const typename Items::value_type* find_in(const Items& items, const Name& name, std::string_view wanted) {
    const auto at = std::lower_bound(items.begin(), items.end(), wanted,
                                     [&](const auto& item, std::string_view w) { return name(item) < w; });
    return at != items.end() && name(*at) == wanted ? &*at : nullptr;
}

constexpr auto kNameOf = [](const GgufTensor& tensor) { return tensor.name; };
constexpr auto kKeyOf = [](const auto& entry) { return entry.key; };

}   // namespace

std::vector<int64_t> GgufTensor::shape() const {
    return {extents.rend() - rank, extents.rend()};
}

Gguf Gguf::open(const Path& path) {
    Gguf result{MappedFile(path)};
    const std::string& file = result.file();
    const Bytes bytes = result.file_->bytes();
    GgufCursor in(bytes, file);
    const Counts counts = read_counts(in, file);
    result.values_.reserve(counts.values);
    for (uint64_t i = 0; i < counts.values; ++i) {
        in.enter(fmt::format("value {}", i));
        const std::string_view key = read_key(in);
        const GgufKind kind = in.take_kind();
        result.values_.push_back({key, kind, in.rest()});
        in.skip_value(kind);
    }
    sort_and_refuse_doubles(result.values_, kKeyOf, file);

    const auto declared = result.find_value("general.alignment");
    if (declared && declared->kind() != GgufKind::kU32) declared->refuse("SCHEMA", "is no u32", kRemedy);
    const int64_t alignment = declared ? declared->integer(8, kMaxAlignment) : kDefaultAlignment;
    if (!std::has_single_bit(static_cast<uint64_t>(alignment)))
        declared->refuse("RANGE", fmt::format("is {}, wanted a power of two", alignment), kRemedy);

    result.tensors_.reserve(counts.tensors);
    for (uint64_t i = 0; i < counts.tensors; ++i) {
        in.enter(fmt::format("tensor {}", i));
        result.tensors_.push_back(read_tensor(in, alignment));
    }
    in.enter("padding before the data");
    const auto step = static_cast<size_t>(alignment);
    if (counts.tensors > 0) in.skip((step - in.at() % step) % step);
    give_bytes(result.tensors_, in.rest(), alignment, in);
    result.expect_intact();
    sort_and_refuse_doubles(result.tensors_, kNameOf, file);
    return result;
}

std::optional<GgufValue> Gguf::find_value(std::string_view key) const {
    const Entry* entry = find_in(values_, kKeyOf, key);
    if (entry == nullptr) return std::nullopt;
    return GgufValue(entry->key, file(), entry->kind, entry->bytes);
}

GgufValue Gguf::value(std::string_view key) const {
    const auto value = find_value(key);
    if (!value) throw UserError("SCHEMA", file(), in_quotes(key), "is missing", "convert the model anew");
    return *value;
}

const GgufTensor* Gguf::find(std::string_view name) const {
    return find_in(tensors_, kNameOf, name);
}

void Gguf::read_rows(const GgufTensor& tensor, int64_t cols, std::span<const int64_t> rows, std::byte* to) const {
    const GgmlType& type = *tensor.type;
    const int64_t blocks = cols / type.block_elements, row_bytes = blocks * type.block_bytes;
    const int64_t out_bytes = cols * size_bytes(type.rows);
    parallel_rows(static_cast<int64_t>(rows.size()), rows_per_task(cols), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const std::byte* from = tensor.bytes.data() + rows[static_cast<size_t>(i)] * row_bytes;
            if (type.decode == nullptr)
                std::memcpy(to + i * out_bytes, from, static_cast<size_t>(row_bytes));
            else
                type.decode(from, blocks, reinterpret_cast<float*>(to + i * out_bytes));
        }
    });
}

}   // namespace llmft
