#include "engine/io/gguf_cursor.h"

#include <fmt/format.h>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr int kMaxDepth = 4;   // arrays in arrays: the format allows them, no model has them
constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                       "bool", "string", "array", "u64", "i64", "f64"};
constexpr size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

}   // namespace

size_t gguf_size_bytes(GgufKind kind) {
    return kSizes[static_cast<size_t>(kind)];
}

std::string_view gguf_kind_name(GgufKind kind) {
    return kNames[static_cast<size_t>(kind)];
}

void GgufCursor::refuse(std::string_view error, std::string_view what) const {
    throw UserError(std::string(error), *file_, field_, what, "fetch the file again");
}

Bytes GgufCursor::skip(uint64_t bytes) {
    if (bytes > left()) refuse("TRUNC", fmt::format("wants {} more, the file has {}", byte_count_text(bytes), left()));
    if (at_ + bytes > kMaxMetadata) refuse("LIMIT", fmt::format("the metadata pass {} bytes", kMaxMetadata));
    const Bytes taken = bytes_.subspan(at_, bytes);
    at_ += bytes;
    return taken;
}

std::string_view GgufCursor::take_string(uint64_t most) {
    const auto length = take<uint64_t>();
    if (length > left())
        refuse("TRUNC", fmt::format("a string of {}, the file has {} more", byte_count_text(length), left()));
    if (length > most) refuse("LIMIT", fmt::format("a string of {} bytes, at most {} are read", length, most));
    const Bytes bytes = skip(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

GgufKind GgufCursor::take_kind() {
    const auto kind = take<uint32_t>();
    if (kind >= std::size(kNames)) refuse("SCHEMA", fmt::format("a value of kind {}, known are 0 to 12", kind));
    return static_cast<GgufKind>(kind);
}

void GgufCursor::skip_value(GgufKind kind, int depth) {
    if (kind == GgufKind::kString) {
        if (first_invalid_utf8(take_string()) != std::string_view::npos) refuse("ENCODING", "a string is not UTF-8");
        return;
    }
    if (kind == GgufKind::kBool) {
        if (const auto value = take<uint8_t>(); value > 1) refuse("SCHEMA", fmt::format("a bool of {}", value));
        return;
    }
    if (kind != GgufKind::kArray) {
        skip(gguf_size_bytes(kind));
        return;
    }
    if (depth == kMaxDepth) refuse("LIMIT", fmt::format("arrays lie deeper than {}", kMaxDepth));
    const GgufKind element = take_kind();
    const auto count = take<uint64_t>();
    const size_t size = gguf_size_bytes(element);
    if (count > left() / std::max<size_t>(1, size))   // a string or an array takes a byte at least
        refuse("TRUNC", fmt::format("an array of {} elements, the file has {} more", count, byte_count_text(left())));
    if (size > 0 && element != GgufKind::kBool) {
        skip(count * size);
        return;
    }
    for (uint64_t i = 0; i < count; ++i) skip_value(element, depth + 1);
}

}   // namespace llmft
