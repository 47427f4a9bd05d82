#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "engine/io/gguf_cursor.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kRemedy = "fetch the file again, or convert the model anew";

bool is_integer(GgufKind kind) {
    switch (kind) {
        case GgufKind::kU8:
        case GgufKind::kI8:
        case GgufKind::kU16:
        case GgufKind::kI16:
        case GgufKind::kU32:
        case GgufKind::kI32:
        case GgufKind::kU64:
        case GgufKind::kI64: return true;
        default: return false;
    }
}

// Numbers of u64 beyond int64 become its largest: no range here reaches so far.
int64_t take_integer(GgufCursor& in, GgufKind kind) {
    switch (kind) {
        case GgufKind::kU8: return in.take<uint8_t>();
        case GgufKind::kI8: return in.take<int8_t>();
        case GgufKind::kU16: return in.take<uint16_t>();
        case GgufKind::kI16: return in.take<int16_t>();
        case GgufKind::kU32: return in.take<uint32_t>();
        case GgufKind::kI32: return in.take<int32_t>();
        case GgufKind::kU64: return static_cast<int64_t>(std::min<uint64_t>(in.take<uint64_t>(), INT64_MAX));
        default: return in.take<int64_t>();
    }
}

// The double whose text is the float's shortest.
double widened(float x) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, x);
    double wide = x;
    std::from_chars(text, written.ptr, wide);
    return wide;
}

}   // namespace

void GgufValue::refuse(std::string_view error, std::string_view what, std::string_view remedy) const {
    throw UserError(std::string(error), *file_, in_quotes(key_), what, remedy);
}

void GgufValue::refuse_kind(std::string_view wanted) const {
    refuse("SCHEMA", fmt::format("is a value of kind {}, wanted {}", gguf_kind_name(kind_), wanted), kRemedy);
}

std::string_view GgufValue::text() const {
    if (kind_ != GgufKind::kString) refuse_kind("a string");
    return GgufCursor(bytes_, *file_).take_string();
}

bool GgufValue::flag() const {
    if (kind_ != GgufKind::kBool) refuse_kind("a bool");
    return GgufCursor(bytes_, *file_).take<uint8_t>() != 0;
}

int64_t GgufValue::integer(int64_t least, int64_t most) const {
    if (!is_integer(kind_)) refuse_kind("an integer");
    GgufCursor in(bytes_, *file_);
    const int64_t x = take_integer(in, kind_);
    if (x < least || x > most) refuse("RANGE", fmt::format("is {}, wanted {} to {}", x, least, most), kRemedy);
    return x;
}

double GgufValue::number(double least, double most) const {
    if (kind_ != GgufKind::kF32 && kind_ != GgufKind::kF64) refuse_kind("a float");
    GgufCursor in(bytes_, *file_);
    const double x = kind_ == GgufKind::kF32 ? widened(in.take<float>()) : in.take<double>();
    if (!(x >= least && x <= most)) refuse("RANGE", fmt::format("is {}, wanted {} to {}", x, least, most), kRemedy);
    return x;
}

GgufCursor GgufValue::elements(int64_t most, uint64_t& count, GgufKind& kind) const {
    if (kind_ != GgufKind::kArray) refuse_kind("an array");
    GgufCursor in(bytes_, *file_);
    in.enter(in_quotes(key_));
    kind = in.take_kind();
    count = in.take<uint64_t>();
    if (count > static_cast<uint64_t>(most))
        refuse("LIMIT", fmt::format("has {} elements, at most {} are read", count, most), kRemedy);
    return in;
}

std::vector<std::string_view> GgufValue::texts(int64_t most) const {
    uint64_t count = 0;
    GgufKind kind{};
    GgufCursor in = elements(most, count, kind);
    if (kind != GgufKind::kString) refuse("SCHEMA", "is no array of strings", kRemedy);
    std::vector<std::string_view> texts(count);
    for (std::string_view& text : texts) text = in.take_string();
    return texts;
}

std::vector<int64_t> GgufValue::integers(int64_t most) const {
    uint64_t count = 0;
    GgufKind kind{};
    GgufCursor in = elements(most, count, kind);
    if (!is_integer(kind)) refuse("SCHEMA", "is no array of integers", kRemedy);
    std::vector<int64_t> integers(count);
    for (int64_t& x : integers) x = take_integer(in, kind);
    return integers;
}

std::vector<float> GgufValue::numbers(int64_t most) const {
    uint64_t count = 0;
    GgufKind kind{};
    GgufCursor in = elements(most, count, kind);
    if (kind != GgufKind::kF32) refuse("SCHEMA", "is no array of f32", kRemedy);
    std::vector<float> numbers(count);
    for (float& x : numbers) x = in.take<float>();
    return numbers;
}

}   // namespace llmft
