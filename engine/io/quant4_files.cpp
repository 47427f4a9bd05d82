#include "engine/io/quant4_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"
#include "kernels/quant4/quant4.h"

namespace llmft {
namespace {

constexpr std::string_view kStateInfix = ".quant_state.bitsandbytes__";
constexpr std::array<std::string_view, 4> kSuffixes = {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"};
constexpr std::array kKinds = {Quant4::kNf4, Quant4::kFp4};
constexpr int64_t kMostStateBytes = 4096;
constexpr int64_t kMostExtent = int64_t{1} << 31;
constexpr std::string_view kRemedy = "fetch the model again, or quantise the original";

constexpr std::array kTypes = {DType::kF32, DType::kBf16, DType::kF16};

// As Python's json writes a double: the shortest digits, never without a point or an exponent.
std::string python_text(double x) {
    std::string text = fmt::format("{}", x);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    return text;
}

// Parts of one weight, each checked when it is asked for.
class Parts {
public:
    Parts(const ModelFiles& files, const std::string& weight) : files_(files), weight_(weight) {}

    // Bytes of a part with `count` elements of a dtype.
    Bytes take(const std::string& name, std::string_view dtype, int64_t count) const {
        const ModelFiles::Place place = files_.find(name);
        if (!place)
            throw UserError("MISSING", *files_.at(weight_).file, "tensor " + in_quotes(name),
                            "is missing, which the four-bit weight beside it needs", kRemedy);
        if (place.tensor->dtype != dtype)
            refuse(place, "DTYPE", fmt::format("is {}, wanted {}", place.tensor->dtype, dtype));
        if (place.tensor->shape != std::vector<int64_t>{count})
            refuse(place, "SHAPE", fmt::format("has shape {}, wanted [{}]", place.tensor->shape, count));
        expect_finite(*place.tensor, *place.file);
        return place.tensor->bytes;
    }

    // The codes: a column of bytes, perhaps seen as numbers of another type.
    Bytes take_codes(int64_t bytes) const {
        const ModelFiles::Place place = files_.at(weight_);
        const std::string_view dtype = place.tensor->dtype;
        if (dtype != "U8" && dtype != "BF16" && dtype != "F16" && dtype != "F32")
            refuse(place, "DTYPE", fmt::format("is {}, wanted U8", dtype));
        const auto& shape = place.tensor->shape;
        const bool column = shape.size() == 2 && (shape[0] == 1 || shape[1] == 1);
        if (!column || static_cast<int64_t>(place.tensor->bytes.size()) != bytes)
            refuse(place, "SHAPE",
                   fmt::format("has shape {} of {}, its state wants a column of {} bytes", shape, dtype, bytes));
        return place.tensor->bytes;
    }

    void refuse_nested_parts(const Quant4Names& names) const {
        for (const std::string& name : {names.nested_absmax, names.nested_quant_map})
            if (const ModelFiles::Place place = files_.find(name))
                refuse(place, "EXTRA", "is there, but the weight's state knows no double quantisation");
    }

    [[noreturn]] static void refuse(const ModelFiles::Place& place, const char* kind, std::string_view what) {
        throw UserError(kind, *place.file, "tensor " + in_quotes(place.tensor->name), what, kRemedy);
    }

private:
    const ModelFiles& files_;
    const std::string& weight_;
};

float largest_magnitude(Bytes floats) {
    float most = 0;
    for (size_t at = 0; at < floats.size(); at += sizeof(float)) {
        float x = 0;
        std::memcpy(&x, floats.data() + at, sizeof x);
        most = std::max(most, std::fabs(x));
    }
    return most;
}

// No code and scale may decode to infinity.
void expect_range(const Quant4Data& w, const std::string& file, const std::string& name) {
    const double scale = w.double_quant() == DoubleQuant::kYes
                             ? double{largest_magnitude(w.nested_map)} * double{largest_magnitude(w.nested_scales)} +
                                   std::fabs(double{w.offset})
                             : double{largest_magnitude(w.scales)};
    const double largest = w.encoded == DType::kF16    ? 65504.0
                           : w.encoded == DType::kBf16 ? 0x1.fep+127
                                                       : double{std::numeric_limits<float>::max()};
    if (!(scale * double{largest_magnitude(w.values)} <= largest))
        throw UserError("RANGE", file, "tensor " + in_quotes(name),
                        fmt::format("its scales reach beyond the largest {}", torch_name(w.encoded)), kRemedy);
}

void read_state(const JsonField& state, Quant4Data& w, bool& nested) {
    Fields fields(state);
    const JsonField kind = fields.at("quant_type");
    if (kind.text() != name(w.kind))
        kind.refuse("SCHEMA", fmt::format("is {}, the tensor's name says {}", in_quotes(kind.text()), name(w.kind)),
                    kRemedy);
    const JsonField block = fields.at("blocksize");
    w.block = block.integer(32, 4096);
    if ((w.block & (w.block - 1)) != 0)
        block.refuse("RANGE", fmt::format("is {}, wanted a power of two", w.block), kRemedy);
    const JsonField dtype = fields.at("dtype");
    const auto type =
        std::find_if(kTypes.begin(), kTypes.end(), [&](DType t) { return torch_name(t) == dtype.text(); });
    if (type == kTypes.end())
        dtype.refuse("DTYPE", fmt::format("is {}, wanted float32, bfloat16 or float16", in_quotes(dtype.text())),
                     kRemedy);
    w.encoded = *type;
    const JsonField shape = fields.at("shape");
    const std::vector<JsonField> extents = shape.items();
    if (extents.size() != 2) shape.refuse("SHAPE", fmt::format("has {} extents, wanted 2", extents.size()), kRemedy);
    w.rows = extents[0].integer(1, kMostExtent);
    w.cols = extents[1].integer(1, kMostExtent);
    const auto offset = fields.find("nested_offset"), nested_block = fields.find("nested_blocksize"),
               nested_dtype = fields.find("nested_dtype");
    nested = offset || nested_block || nested_dtype;
    if (nested) {
        w.offset = static_cast<float>(fields.at("nested_offset").number(-3e38, 3e38));
        fields.at("nested_blocksize").integer(kNestedBlock, kNestedBlock);
        if (const JsonField field = fields.at("nested_dtype"); field.text() != "float32")
            field.refuse("DTYPE", fmt::format("is {}, wanted float32", in_quotes(field.text())), kRemedy);
    }
    for (const std::string& key : fields.unread())
        state.refuse("SCHEMA", fmt::format("has a field {} that llmft does not know", in_quotes(key)), kRemedy);
}

}   // namespace

Quant4Names quant4_names(const std::string& weight, Quant4 kind) {
    return {.absmax = weight + ".absmax",
            .quant_map = weight + ".quant_map",
            .nested_absmax = weight + ".nested_absmax",
            .nested_quant_map = weight + ".nested_quant_map",
            .state = weight + std::string(kStateInfix) + name(kind)};
}

bool is_quant4_part(std::string_view part) {
    const size_t infix = part.rfind(kStateInfix);
    const auto of_weight = [&](size_t length) { return part.substr(0, length).ends_with(".weight"); };
    if (infix != std::string_view::npos) return of_weight(infix);
    return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                       [&](std::string_view s) { return part.ends_with(s) && of_weight(part.size() - s.size()); });
}

std::optional<Quant4Data> find_quant4(const ModelFiles& files, const std::string& weight) {
    std::optional<Quant4Data> found;
    for (const Quant4 kind : kKinds) {
        const Quant4Names names = quant4_names(weight, kind);
        const ModelFiles::Place state = files.find(names.state);
        if (!state) continue;
        if (found) Parts::refuse(state, "DUP", "is there beside another state of the same weight");
        const Parts parts(files, weight);
        const auto bytes = static_cast<int64_t>(state.tensor->bytes.size());
        if (bytes > kMostStateBytes)
            Parts::refuse(state, "LIMIT", fmt::format("has {} bytes, at most {} are read", bytes, kMostStateBytes));
        const Bytes text = parts.take(names.state, "U8", bytes);
        const std::string where = *state.file + ": tensor " + in_quotes(names.state);
        const Json json = parse_json({reinterpret_cast<const char*>(text.data()), text.size()}, where, {});
        Quant4Data w;
        w.kind = kind;
        bool nested = false;
        read_state(JsonField(json, where, ""), w, nested);
        w.codes = parts.take_codes(quant4_code_bytes(w.rows * w.cols));
        w.values = parts.take(names.quant_map, "F32", kQuant4Codes);
        w.scales = parts.take(names.absmax, nested ? "U8" : "F32", w.blocks());
        if (nested) {
            w.nested_scales = parts.take(names.nested_absmax, "F32", quant4_nested_blocks(w.blocks()));
            w.nested_map = parts.take(names.nested_quant_map, "F32", kNestedCodes);
        } else {
            parts.refuse_nested_parts(names);
        }
        expect_range(w, *state.file, names.absmax);
        found = w;
    }
    return found;
}

std::string quant4_state(const Quant4Data& w) {
    std::string text = fmt::format(R"({{"quant_type": "{}", "blocksize": {}, "dtype": "{}", "shape": [{}, {}])",
                                   name(w.kind), w.block, torch_name(w.encoded), w.rows, w.cols);
    if (w.double_quant() == DoubleQuant::kYes)
        text += fmt::format(R"(, "nested_blocksize": {}, "nested_dtype": "float32", "nested_offset": {})", kNestedBlock,
                            python_text(double{w.offset}));
    return text + "}";
}

}   // namespace llmft
