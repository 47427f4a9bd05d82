// Four-bit weights against plain loops, and against what bitsandbytes made (tests/oracle/four_bit.py).
#include "kernels/quant4/quant4.h"

#include <doctest/doctest.h>

#include <cstring>

#include <fmt/format.h>

#include "engine/io/json.h"
#include "engine/io/safetensors.h"
#include "kernels/quant4/nested.h"
#include "tests/harness/op_case.h"
#include "tests/harness/paths.h"
#include "tests/reference/quant4.h"

namespace llmft::test {
namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kBf16, DType::kF16};
const Tolerance kExact = {.why = "every rounding is part of the definition"};

struct Shape {
    int64_t rows, cols, block;
    int64_t count() const { return rows * cols; }
    int64_t bytes() const { return (count() + 1) / 2; }
    int64_t blocks() const { return (count() + block - 1) / block; }
};
// One element, an odd width, blocks that cross rows, blocks inside rows, a short last block, more than one task.
constexpr Shape kShapes[] = {{1, 1, 64},   {5, 7, 64},      {9, 48, 64},   {3, 256, 64},
                             {7, 129, 32}, {33, 577, 4096}, {300, 130, 64}};

enum class Scales : uint8_t { kPlain, kNested };

OpCase decode(const Shape& shape, DType encoded, DType to, Scales scales) {
    const bool nested = scales == Scales::kNested;
    const auto slot = [](const char* name, int64_t cols, DType type, Fill fill) {
        return Slot{.name = name, .rows = 1, .cols = cols, .dtype = type, .fill = std::move(fill)};
    };
    OpCase op{.name = fmt::format("quant4_decode {} to {} ({}, {}) blocks of {}{}", name(encoded), name(to), shape.rows,
                                  shape.cols, shape.block, nested ? ", nested" : ""),
              .slots = {slot("codes", shape.bytes(), DType::kU8, integers(256)),
                        slot("values", 16, DType::kF32, uniform(-1, 1)),
                        nested ? slot("scales", shape.blocks(), DType::kU8, integers(256))
                               : slot("scales", shape.blocks(), DType::kF32, uniform(0, 3)),
                        slot("nested_scales", (shape.blocks() + 255) / 256, DType::kF32, uniform(0, 2)),
                        slot("nested_map", 256, DType::kF32, uniform(-1, 1)),
                        slot("offset", 1, DType::kF32, uniform(0, 1)),
                        {.name = "y",
                         .rows = shape.rows,
                         .cols = shape.cols,
                         .dtype = to,
                         .role = Role::kOut,
                         .padding = 5,
                         .tolerance = kExact}},
              .cpu =
                  [=](const Slots& s) {
                      cpu::quant4_decode({.codes = s.data<uint8_t>("codes"),
                                          .values = s.data<float>("values"),
                                          .scales = s.data<void>("scales"),
                                          .nested_scales = nested ? s.data<float>("nested_scales") : nullptr,
                                          .nested_map = s.data<float>("nested_map"),
                                          .offset = s.data<float>("offset"),
                                          .block = shape.block,
                                          .encoded = encoded,
                                          .first_row = 0,
                                          .y = s["y"],
                                          .rows = shape.rows,
                                          .cols = shape.cols});
                  },
              .reference =
                  [=](Matrices& m) {
                      Matrix plain = m["scales"];
                      for (int64_t b = 0; nested && b < plain.cols; ++b)
                          plain[b] = reference::nested_scale(m["scales"], m["nested_scales"], m["nested_map"],
                                                             m["offset"][0], b);
                      reference::quant4_decode(m["codes"], m["values"], plain, shape.block, encoded, to, m["y"]);
                  }};
    return op;
}

OpCase encode(const Shape& shape, DType from, Quant4 kind, Fill fill) {
    return {.name = fmt::format("quant4_encode {} {} ({}, {}) blocks of {}", name(from), name(kind), shape.rows,
                                shape.cols, shape.block),
            .slots = {{.name = "x", .rows = shape.rows, .cols = shape.cols, .dtype = from, .fill = std::move(fill)},
                      {.name = "codes",
                       .rows = 1,
                       .cols = shape.bytes(),
                       .dtype = DType::kU8,
                       .role = Role::kOut,
                       .tolerance = kExact},
                      {.name = "scales",
                       .rows = 1,
                       .cols = shape.blocks(),
                       .dtype = DType::kF32,
                       .role = Role::kOut,
                       .tolerance = kExact}},
            .cpu =
                [=](const Slots& s) {
                    cpu::quant4_encode({.x = s.data<void>("x"),
                                        .dtype = from,
                                        .count = shape.count(),
                                        .block = shape.block,
                                        .kind = kind,
                                        .codes = s.data<uint8_t>("codes"),
                                        .scales = s.data<float>("scales")});
                },
            .reference =
                [=](Matrices& m) { reference::quant4_encode(m["x"], kind, shape.block, m["codes"], m["scales"]); }};
}

// Half of the rows are zero: blocks of zeros, and blocks that begin or end with them.
Fill with_zeros() {
    return [](Random& random, int64_t row, int64_t) { return row % 2 == 1 ? 0.0 : random.normal(); };
}

// One row: its largest magnitude, then that times each threshold: x·(1/s) and x/s fall on different sides of some.
Fill on_thresholds(Quant4 kind, double largest) {
    return [=](Random& random, int64_t, int64_t col) {
        const Quant4Code& code = code_of(kind);
        const auto k = static_cast<size_t>(random.below(15));
        const double bound = (double{code.value[code.by_rank[k]]} + double{code.value[code.by_rank[k + 1]]}) / 2;
        return col == 0 ? largest : largest * bound * (1 + static_cast<double>(random.below(5) - 2) * 0x1p-24);
    };
}

// What bitsandbytes made of one matrix.
struct Made {
    Json what;
    const Safetensors& file;

    Bytes tensor(const std::string& end) const {
        const SafeTensor* t = file.find(what.at("matrix").get<std::string>() + "." + end);
        REQUIRE_MESSAGE(t != nullptr, end);
        return t->bytes;
    }
    Bytes tensor_of_kind(const std::string& end) const {
        return tensor(what.at("quant_type").get<std::string>() + "." + end);
    }
    DType dtype() const {
        const auto text = what.at("dtype").get<std::string>();
        return text == "f32" ? DType::kF32 : text == "bf16" ? DType::kBf16 : DType::kF16;
    }
    Shape shape() const { return {what.at("shape")[0].get<int64_t>(), what.at("shape")[1].get<int64_t>(), 64}; }
    Quant4 kind() const { return what.at("quant_type") == "nf4" ? Quant4::kNf4 : Quant4::kFp4; }
};

template <class Check>
void for_each_made(const Check& check) {
    const auto folder = source_dir() / "tests/golden/four-bit";
    const Safetensors file = Safetensors::open(folder / "expected.safetensors");
    const Json cases = parse_json_file(folder / "cases.json", {});
    CHECK(cases.size() == 16);
    for (const Json& one : cases) {
        CAPTURE(one.dump());
        check(Made{one, file});
    }
}

template <class T>
bool same(const std::vector<T>& got, Bytes want) {
    const Bytes bytes = std::as_bytes(std::span(got));
    return std::equal(bytes.begin(), bytes.end(), want.begin(), want.end());
}

template <class T>
std::vector<T> values_of(Bytes bytes) {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

struct Encoded {
    std::vector<uint8_t> codes;
    std::vector<float> scales;
};

Encoded encoded(const Made& made) {
    const Shape shape = made.shape();
    Encoded e = {.codes = std::vector<uint8_t>(static_cast<size_t>(shape.bytes())),
                 .scales = std::vector<float>(static_cast<size_t>(shape.blocks()))};
    cpu::quant4_encode({.x = made.tensor("source").data(),
                        .dtype = made.dtype(),
                        .count = shape.count(),
                        .block = shape.block,
                        .kind = made.kind(),
                        .codes = e.codes.data(),
                        .scales = e.scales.data()});
    return e;
}

// −0 is 0: bitsandbytes' two ways to decode FP4's code 8 give either.
std::vector<std::byte> without_signs_of_zeros(Bytes bytes, DType dtype) {
    std::vector<std::byte> result(bytes.begin(), bytes.end());
    const auto size = static_cast<size_t>(size_bytes(dtype));
    for (size_t at = 0; at < result.size(); at += size) {
        bool zero = (result[at + size - 1] & std::byte{0x7f}) == std::byte{0};
        for (size_t i = 0; i + 1 < size; ++i) zero = zero && result[at + i] == std::byte{0};
        if (zero) result[at + size - 1] = std::byte{0};
    }
    return result;
}

}   // namespace

TEST_CASE("decoding four bits: every code times its block's scale, rounded to what was encoded, then to the target") {
    for (const Shape& shape : kShapes)
        for (const DType from : kFloats)
            for (const DType to : kFloats)
                for (const Scales scales : {Scales::kPlain, Scales::kNested}) check_op(decode(shape, from, to, scales));
}

TEST_CASE("encoding four bits: the nearest code by strict thresholds, scales of short and empty blocks, odd tails") {
    for (const Shape& shape : kShapes)
        for (const DType from : kFloats)
            for (const Quant4 kind : {Quant4::kNf4, Quant4::kFp4})
                for (const Fill& fill : {normal(), with_zeros(), uniform(0, 1e-4)})
                    check_op(encode(shape, from, kind, fill));
}

TEST_CASE("whole blocks are multiplied by the reciprocal of their scale, a short one is divided by it") {
    for (const Quant4 kind : {Quant4::kNf4, Quant4::kFp4})
        for (const double largest : {1.37, 3.1, 0.0021, 7e11, 0.77})
            for (const int64_t cols : {64, 63})
                check_op(encode({1, cols, 64}, DType::kF32, kind, on_thresholds(kind, largest)));
}

TEST_CASE("scales alone are those of the whole encoding") {
    for_each_made([](const Made& made) {
        std::vector<float> scales(static_cast<size_t>(made.shape().blocks()));
        cpu::quant4_encode({.x = made.tensor("source").data(),
                            .dtype = made.dtype(),
                            .count = made.shape().count(),
                            .block = 64,
                            .kind = made.kind(),
                            .codes = nullptr,
                            .scales = scales.data()});
        CHECK(scales == encoded(made).scales);
    });
}

TEST_CASE("codes and scales are bitsandbytes', byte for byte: ties, zeros, odd tails, blocks across rows, 60 decades") {
    for_each_made([](const Made& made) {
        const Encoded e = encoded(made);
        CHECK(same(e.codes, made.tensor_of_kind("packed")));
        CHECK(same(e.scales, made.tensor_of_kind("absmax")));
    });
}

TEST_CASE("doubly quantised scales and their offset are bitsandbytes', byte for byte") {
    for_each_made([](const Made& made) {
        const std::vector<float> scales = values_of<float>(made.tensor_of_kind("absmax"));
        std::vector<uint8_t> codes(scales.size());
        std::vector<float> nested((scales.size() + 255) / 256);
        const float offset = encode_nested({.scales = scales.data(),
                                            .count = static_cast<int64_t>(scales.size()),
                                            .codes = codes.data(),
                                            .nested_scales = nested.data()});
        CHECK(double{offset} == made.what.at("offset").get<double>());
        CHECK(same(codes, made.tensor_of_kind("absmax8")));
        CHECK(same(nested, made.tensor_of_kind("nested_absmax")));
    });
}

TEST_CASE("the code tables and the dynamic map are bitsandbytes', byte for byte") {
    const Safetensors file = Safetensors::open(source_dir() / "tests/golden/four-bit/expected.safetensors");
    for (const Quant4 kind : {Quant4::kNf4, Quant4::kFp4}) {
        const std::span<const float> table(code_of(kind).value);
        CHECK(same(std::vector<float>(table.begin(), table.end()), file.find(std::string("map.") + name(kind))->bytes));
    }
    CHECK(same(std::vector<float>(dynamic_map().begin(), dynamic_map().end()), file.find("map.dynamic")->bytes));
}

TEST_CASE("decoded weights are bitsandbytes', bit for bit, from plain and from doubly quantised scales") {
    for_each_made([](const Made& made) {
        if (made.what.at("matrix") == "nested") return;   // its scales say as much
        const Shape shape = made.shape();
        const auto codes = values_of<uint8_t>(made.tensor_of_kind("packed"));
        const auto plain = values_of<float>(made.tensor_of_kind("absmax"));
        const auto scales8 = values_of<uint8_t>(made.tensor_of_kind("absmax8"));
        const auto nested = values_of<float>(made.tensor_of_kind("nested_absmax"));
        const auto offset = static_cast<float>(made.what.at("offset").get<double>());
        for (const bool doubly : {false, true}) {
            CAPTURE(doubly);
            std::vector<std::byte> y(static_cast<size_t>(shape.count() * size_bytes(made.dtype())));
            cpu::quant4_decode({.codes = codes.data(),
                                .values = code_of(made.kind()).value,
                                .scales = doubly ? static_cast<const void*>(scales8.data()) : plain.data(),
                                .nested_scales = doubly ? nested.data() : nullptr,
                                .nested_map = dynamic_map().data(),
                                .offset = &offset,
                                .block = shape.block,
                                .encoded = made.dtype(),
                                .first_row = 0,
                                .y = {.data = y.data(), .dtype = made.dtype(), .ld = shape.cols},
                                .rows = shape.rows,
                                .cols = shape.cols});
            CHECK(without_signs_of_zeros(y, made.dtype()) ==
                  without_signs_of_zeros(made.tensor_of_kind(doubly ? "decoded8" : "decoded"), made.dtype()));
        }
    });
}

}   // namespace llmft::test
