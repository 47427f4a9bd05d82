#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <numeric>

#include "engine/io/json.h"
#include "engine/io/quote.h"
#include "engine/io/safetensors.h"
#include "engine/io/safetensors_dtype.h"
#include "engine/io/stand_in.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are mapped as they are");

constexpr int64_t kMaxHeader = 100'000'000;
constexpr int64_t kMaxTensors = 200'000;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxName = 512;
constexpr int64_t kLengthBytes = 8;
constexpr std::string_view kRemedy = "fetch the file again";
constexpr std::string_view kMetadata = "__metadata__";

// What the header says of one tensor, before it is believed.
struct Entry {
    std::string_view name;
    const Json& fields;
    const std::string& file;

    [[noreturn]] void refuse(const char* kind, std::string_view what) const {
        throw UserError(kind, file, "tensor " + in_quotes(name), what, kRemedy);
    }
};

// For a file whose first bytes are no header length. Only then: 0x80 0x02 also begins the length 640.
void refuse_other_kinds(std::string_view head, const std::string& file) {
    refuse_stand_in(head, file);
    constexpr size_t kNameAt = 30;   // in a zip's first local header
    const std::string_view member = head.substr(std::min(kNameAt, head.size()));
    const bool zip = head.starts_with("PK\x03\x04");
    const bool pickle = head.starts_with("\x80\x02") || (zip && member.find("data.pkl") != std::string_view::npos);
    if (pickle)
        throw UserError("UNSAFE", file, "", "is a pickle, which can run code",
                        "convert it to safetensors where you trust it");
    if (zip) throw UserError("SYNTAX", file, "", "is a zip archive, not safetensors", kRemedy);
}

std::string_view header_of(Bytes bytes, const std::string& file) {
    const auto size = static_cast<int64_t>(bytes.size());
    if (size < kLengthBytes)
        throw UserError("TRUNC", file, "header length",
                        fmt::format("the file has {}, wanted at least 8", byte_count_text(size)), kRemedy);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length > static_cast<uint64_t>(size - kLengthBytes)) refuse_other_kinds(text.substr(0, 256), file);
    if (length > uint64_t{kMaxHeader})
        throw UserError("LIMIT", file, "header length", fmt::format("is {}, at most {} are read", length, kMaxHeader),
                        kRemedy);
    if (static_cast<int64_t>(length) > size - kLengthBytes)
        throw UserError("TRUNC", file, "header length",
                        fmt::format("is {}, but {} follow", length, byte_count_text(size - kLengthBytes)), kRemedy);
    if (length == 0) throw UserError("SYNTAX", file, "header length", "is 0, wanted a JSON object", kRemedy);
    const std::string_view header = text.substr(kLengthBytes, length);
    const size_t end = header.find_last_not_of(' ');
    if (end != std::string_view::npos && header.find_first_of("\t\r\n", end) != std::string_view::npos)
        throw UserError("SYNTAX", file, "header", "is padded with something else than spaces", kRemedy);
    return header;
}

void check_name(const Entry& e) {
    if (e.name.size() > kMaxName)
        e.refuse("LIMIT", fmt::format("name has {} bytes, at most {} are read", e.name.size(), kMaxName));
    const auto control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(e.name.begin(), e.name.end(), control)) e.refuse("ENCODING", "name holds a control character");
}

const Json& field(const Entry& e, const char* key) {
    const auto found = e.fields.find(key);
    if (found == e.fields.end()) e.refuse("SCHEMA", fmt::format("{} is missing", key));
    return *found;
}

int64_t extent(const Entry& e, const Json& value, const char* key) {
    if (!value.is_number_integer() || value.get<int64_t>() < 0)
        e.refuse("SCHEMA", fmt::format("{} holds {}, wanted integers from 0", key,
                                       value.is_number() ? value.dump() : value.type_name()));
    return value.get<int64_t>();
}

const Json& array_field(const Entry& e, const char* key) {
    const Json& value = field(e, key);
    if (!value.is_array()) e.refuse("SCHEMA", fmt::format("{} is {}, wanted an array", key, value.type_name()));
    return value;
}

std::vector<int64_t> shape_of(const Entry& e) {
    const Json& value = array_field(e, "shape");
    if (value.size() > kMaxRank)
        e.refuse("LIMIT", fmt::format("shape has rank {}, at most {}", value.size(), kMaxRank));
    std::vector<int64_t> shape;
    for (const Json& x : value) shape.push_back(extent(e, x, "shape"));
    return shape;
}

int64_t byte_count(const Entry& e, const std::vector<int64_t>& shape, int64_t element_bytes) {
    // Overflow is looked for among the factors without zeros too: [0, 2^62, 2^62] is a mistake even though nothing is
    // there.
    int64_t product = element_bytes;
    for (const int64_t x : shape)
        if (x != 0 && __builtin_mul_overflow(product, x, &product))
            e.refuse("OVERFLOW", fmt::format("shape [{}] takes more than 2^63 bytes", fmt::join(shape, ", ")));
    return std::find(shape.begin(), shape.end(), 0) == shape.end() ? product : 0;
}

// The tensor with its bytes as a range [first, last) of the data section, which is not yet compared with the file.
struct Ranged {
    SafeTensor tensor;
    int64_t first, last;
};

Ranged read_entry(const Entry& e) {
    check_name(e);
    if (!e.fields.is_object()) e.refuse("SCHEMA", fmt::format("is {}, wanted an object", e.fields.type_name()));
    const Json& dtype = field(e, "dtype");
    if (!dtype.is_string()) e.refuse("SCHEMA", fmt::format("dtype is {}, wanted a string", dtype.type_name()));
    const auto& dtype_name = dtype.get_ref<const std::string&>();
    const int64_t element_bytes = safetensors_size_bytes(dtype_name);
    if (element_bytes == 0)
        e.refuse("DTYPE", fmt::format("dtype {} is unknown or not supported", in_quotes(dtype_name)));
    std::vector<int64_t> shape = shape_of(e);
    const Json& offsets = array_field(e, "data_offsets");
    if (offsets.size() != 2) e.refuse("SCHEMA", fmt::format("data_offsets has {} entries, wanted 2", offsets.size()));
    const int64_t first = extent(e, offsets[0], "data_offsets"), last = extent(e, offsets[1], "data_offsets");
    if (last < first) e.refuse("LAYOUT", fmt::format("data_offsets [{}, {}] end before they begin", first, last));
    const int64_t wanted = byte_count(e, shape, element_bytes);
    if (last - first != wanted)
        e.refuse("LAYOUT", fmt::format("data_offsets [{}, {}] hold {} bytes, but {} of shape [{}] take {}", first, last,
                                       last - first, dtype_name, fmt::join(shape, ", "), wanted));
    if (e.fields.size() != 3) e.refuse("SCHEMA", "has fields beside dtype, shape and data_offsets");
    return {{.name = std::string(e.name), .dtype = dtype_name, .shape = std::move(shape), .bytes = {}}, first, last};
}

std::map<std::string, std::string> read_metadata(const Json& value, const std::string& file) {
    if (!value.is_object()) throw UserError("SCHEMA", file, kMetadata, "is not an object", kRemedy);
    std::map<std::string, std::string> metadata;
    for (const auto& [key, text] : value.items()) {
        if (!text.is_string())
            throw UserError("SCHEMA", file, kMetadata,
                            fmt::format("{} is {}, wanted a string", in_quotes(key), text.type_name()), kRemedy);
        metadata.emplace(key, text.get<std::string>());
    }
    return metadata;
}

// Every byte of the data section belongs to exactly one tensor.
void give_bytes(std::deque<Ranged>& ranged, Bytes data, const std::string& file) {
    std::sort(ranged.begin(), ranged.end(), [](const Ranged& a, const Ranged& b) {
        return std::tie(a.first, a.last, a.tensor.name) < std::tie(b.first, b.last, b.tensor.name);
    });
    int64_t end = 0;
    for (const Ranged& r : ranged) {
        if (r.first != end)
            throw UserError(
                "LAYOUT", file, "tensor " + in_quotes(r.tensor.name),
                r.first < end ? fmt::format("begins at {}: overlaps the tensor that ends at {}", r.first, end)
                              : fmt::format("begins at {}: bytes {} to {} belong to no tensor", r.first, end, r.first),
                kRemedy);
        end = r.last;
    }
    const auto size = static_cast<int64_t>(data.size());
    if (end > size)
        throw UserError("TRUNC", file, "data",
                        fmt::format("holds {} of tensors, the header promises {}", byte_count_text(size), end),
                        kRemedy);
    if (end < size)
        throw UserError("LAYOUT", file, "data",
                        fmt::format("{} too many behind the last tensor", byte_count_text(size - end)), kRemedy);
    for (Ranged& r : ranged)
        r.tensor.bytes = data.subspan(static_cast<size_t>(r.first), static_cast<size_t>(r.last - r.first));
}

void refuse_doubles(std::deque<Ranged>& ranged, const std::string& file) {
    std::sort(ranged.begin(), ranged.end(),
              [](const Ranged& a, const Ranged& b) { return a.tensor.name < b.tensor.name; });
    const auto twice = std::adjacent_find(
        ranged.begin(), ranged.end(), [](const Ranged& a, const Ranged& b) { return a.tensor.name == b.tensor.name; });
    if (twice != ranged.end())
        throw UserError("DUP", file, "tensor " + in_quotes(twice->tensor.name), "appears twice in the header", kRemedy);
}

// Entry by entry: a hostile header takes no more memory than the tensors it names.
std::deque<Ranged> read_header(std::string_view text, const std::string& file,
                               std::map<std::string, std::string>& metadata) {
    // The longest entry that can pass has 14 values; only metadata may have many.
    constexpr int64_t kValuesPerEntry = 100'000;
    std::deque<Ranged> ranged;
    bool described = false;
    const auto take = [&](const JsonItem& item) {
        if (item.key != kMetadata) {
            ranged.push_back(read_entry({.name = item.key, .fields = item.value, .file = file}));
        } else {
            if (std::exchange(described, true))
                throw UserError("DUP", file, kMetadata, "appears twice in the header", kRemedy);
            metadata = read_metadata(item.value, file);
        }
        if (static_cast<int64_t>(ranged.size()) > kMaxTensors)
            throw UserError("LIMIT", file, "header", fmt::format("has more than {} tensors", kMaxTensors), kRemedy);
    };
    parse_json(text, file + ": header", {.bytes = kMaxHeader, .values = kValuesPerEntry},
               {{"", JsonPart::Type::kObject, take}});
    return ranged;
}

}   // namespace

Safetensors Safetensors::open(const Path& path) {
    Safetensors result{MappedFile(path)};
    const std::string& file = result.file();
    const Bytes bytes = result.file_.bytes();
    const std::string text(header_of(bytes, file));
    result.expect_intact();
    std::deque<Ranged> ranged = read_header(text, file, result.metadata_);
    refuse_doubles(ranged, file);
    give_bytes(ranged, bytes.subspan(static_cast<size_t>(kLengthBytes) + text.size()), file);
    result.tensors_.reserve(ranged.size());
    for (Ranged& r : ranged) result.tensors_.push_back(std::move(r.tensor));
    result.by_name_.resize(ranged.size());
    std::iota(result.by_name_.begin(), result.by_name_.end(), size_t{0});
    std::sort(result.by_name_.begin(), result.by_name_.end(),
              [&](size_t a, size_t b) { return result.tensors_[a].name < result.tensors_[b].name; });
    return result;
}

const SafeTensor* Safetensors::find(std::string_view name) const {
    const auto at =
        std::lower_bound(by_name_.begin(), by_name_.end(), name,
                         [&](size_t index, std::string_view wanted) { return tensors_[index].name < wanted; });
    return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

}   // namespace llmft
