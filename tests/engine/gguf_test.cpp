// GGUF files as they should be. Types and numbers: tests/golden/gguf-types, made by the Python package gguf 0.19
// (tests/oracle/ggufs.py).
#include <doctest/doctest.h>

#include <cstring>

#include "engine/io/gguf_weights.h"
#include "engine/io/safetensors.h"
#include "kernels/base/half.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

Gguf opened(const std::string& bytes) {
    const TempFolder folder;   // the mapping outlives the name
    return Gguf::open(folder.write("x.gguf", bytes));
}

// All of a tensor, in the order of the file.
std::string decoded(const Gguf& gguf, const GgufTensor& tensor) {
    const int64_t cols = tensor.cols();
    std::vector<int64_t> rows(tensor.rank < 2 ? 1 : static_cast<size_t>(tensor.extents[1]));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
    std::string bytes(rows.size() * static_cast<size_t>(cols * size_bytes(tensor.type->rows)), '\0');
    gguf.read_rows(tensor, cols, rows, reinterpret_cast<std::byte*>(bytes.data()));
    return bytes;
}

}   // namespace

TEST_CASE("values of every kind are read, of versions 2 and 3, each as what it is") {
    for (const uint32_t version : {2u, 3u}) {
        GgufBytes bytes = small_gguf();
        bytes.version = version;
        const Gguf gguf = opened(bytes.file());
        const auto integer = [&](const char* key) { return gguf.value(key).integer(INT64_MIN, INT64_MAX); };
        CHECK(gguf.value("general.architecture").text() == "none");
        CHECK(integer("a.u8") == 200);
        CHECK(integer("a.i8") == -7);
        CHECK(integer("a.u16") == 60000);
        CHECK(integer("a.i16") == -300);
        CHECK(integer("a.u32") == 4'000'000'000);
        CHECK(integer("a.i32") == -70000);
        CHECK(integer("a.u64") == INT64_MAX);   // its largest, for every range to refuse
        CHECK(integer("a.i64") == -5'000'000'000);
        CHECK(gguf.value("a.f32").number(0, 1) == 0.1);   // not 0.1f widened
        CHECK(gguf.value("a.f64").number(0, 1) == 0.1);
        CHECK(gguf.value("a.bool").flag());
        CHECK(gguf.value("texts").texts(3) == std::vector<std::string_view>{"x", "", "é"});
        CHECK(gguf.value("numbers").numbers(2) == std::vector<float>{-1.5f, 2});
        CHECK_FALSE(gguf.find_value("absent"));
    }
}

TEST_CASE("a value of another kind, range or length is refused by its key") {
    const Gguf gguf = opened(small_gguf().file());
    const struct {
        std::string what;
        Refusal refusal;
        std::string kind;
    } cases[] = {
        {"a.u32", refusal_of([&] { gguf.value("a.u32").text(); }), "SCHEMA"},
        {"a.u32", refusal_of([&] { gguf.value("a.u32").number(0, 1); }), "SCHEMA"},
        {"a.u32", refusal_of([&] { gguf.value("a.u32").flag(); }), "SCHEMA"},
        {"a.bool", refusal_of([&] { gguf.value("a.bool").integer(0, 1); }), "SCHEMA"},
        {"a.f32", refusal_of([&] { gguf.value("a.f32").integer(0, 1); }), "SCHEMA"},
        {"a.f32", refusal_of([&] { gguf.value("a.f32").texts(9); }), "SCHEMA"},
        {"texts", refusal_of([&] { gguf.value("texts").integers(9); }), "SCHEMA"},
        {"texts", refusal_of([&] { gguf.value("texts").numbers(9); }), "SCHEMA"},
        {"numbers", refusal_of([&] { gguf.value("numbers").texts(9); }), "SCHEMA"},
        {"texts", refusal_of([&] { gguf.value("texts").texts(2); }), "LIMIT"},
        {"a.i8", refusal_of([&] { gguf.value("a.i8").integer(0, 9); }), "RANGE"},
        {"a.f32", refusal_of([&] { gguf.value("a.f32").number(1, 2); }), "RANGE"},
        {"absent", refusal_of([&] { gguf.value("absent"); }), "SCHEMA"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.refusal.text);
        CHECK(c.refusal.kind == c.kind);
        CHECK(c.refusal.names("\"" + c.what + "\""));
        CHECK(c.refusal.names("x.gguf"));
    }
}

TEST_CASE("tensors have their shapes outermost first and their bytes, under any alignment") {
    for (const uint32_t alignment : {8u, 32u, 4096u}) {
        GgufBytes bytes;
        bytes.alignment = alignment;
        bytes.value("general.alignment", gguf_u32(alignment))
            .tensor("b", {3, 2}, kTypeF32, plain_bytes<float>({1, 2, 3, 4, 5, 6}))
            .tensor("a", {1}, kTypeF32, plain_bytes<float>({7}));
        const Gguf gguf = opened(bytes.file());
        REQUIRE(gguf.tensors().size() == 2);
        CHECK(gguf.tensors()[0].name == "a");
        const GgufTensor* b = gguf.find("b");
        REQUIRE(b != nullptr);
        CHECK(b->shape() == std::vector<int64_t>{2, 3});
        CHECK(decoded(gguf, *b) == plain_bytes<float>({1, 2, 3, 4, 5, 6}));
        CHECK(gguf.find("c") == nullptr);
    }
    const Gguf gguf = opened(small_gguf().file());
    CHECK(gguf.find("empty")->bytes.empty());
    CHECK(gguf.find("scalar")->shape().empty());
    CHECK(decoded(gguf, *gguf.find("scalar")) == plain_bytes<float>({7}));
}

TEST_CASE("every type decodes to the bits that the Python package gguf gives") {
    const Path folder = source_dir() / "tests/golden/gguf-types";
    const Gguf gguf = Gguf::open(folder / "types.gguf");
    const Safetensors want = Safetensors::open(folder / "expected.safetensors");
    CHECK(gguf.tensors().size() == 13);
    CHECK(want.tensors().size() == 13);
    for (const SafeTensor& expected : want.tensors()) {
        CAPTURE(expected.name);
        const GgufTensor* tensor = gguf.find(expected.name);
        REQUIRE(tensor != nullptr);
        CHECK(tensor->type->name == expected.name);
        CHECK(tensor->shape() == expected.shape);
        std::string got = decoded(gguf, *tensor);
        if (tensor->type->rows != DType::kF32) {   // F16 and BF16 are kept: widened here
            std::string wide(got.size() * 2, '\0');
            for (size_t i = 0; i < got.size() / 2; ++i) {
                uint16_t bits = 0;
                std::memcpy(&bits, got.data() + 2 * i, 2);
                const float x = tensor->type->rows == DType::kF16 ? to_f32(f16{bits}) : to_f32(bf16{bits});
                std::memcpy(wide.data() + 4 * i, &x, 4);
            }
            got = wide;
        }
        REQUIRE(got.size() == expected.bytes.size());
        CHECK(std::memcmp(got.data(), expected.bytes.data(), got.size()) == 0);
    }
}

TEST_CASE("rows come in pieces and in any order, those of paired heads as halves") {
    // Two heads of four rows: rows 0 2 1 3 of each are halves.
    GgufBytes bytes;
    std::vector<float> rows;
    for (int i = 0; i < 24; ++i) rows.push_back(static_cast<float>(i));
    bytes.tensor("q", {3, 8}, kTypeF32, plain_bytes(rows))
        .tensor("bias", {8}, kTypeF32, plain_bytes<float>({0, 1, 2, 3, 4, 5, 6, 7}));
    const Gguf gguf = opened(bytes.file());
    const auto weights =
        gguf_weights(gguf, {{gguf.find("q"), "plain"}, {gguf.find("q"), "halves", 2}, {gguf.find("bias"), "bias", 2}});
    std::vector<std::byte> scratch;
    const auto read = [&](const char* name, int64_t first, int64_t count) {
        const StoredRows stored = weights->rows(weights->at(name), first, count, scratch);
        CHECK(stored.dtype == DType::kF32);
        std::vector<float> values(stored.bytes.size() / sizeof(float));
        std::memcpy(values.data(), stored.bytes.data(), stored.bytes.size());
        return values;
    };
    CHECK(read("plain", 1, 2) == std::vector<float>{3, 4, 5, 6, 7, 8});
    CHECK(read("halves", 0, 4) == std::vector<float>{0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11});
    CHECK(read("halves", 5, 2) == std::vector<float>{18, 19, 20, 15, 16, 17});
    CHECK(read("bias", 0, 1) == std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7});
    CHECK(refusal_of([&] { gguf_weights(gguf, {{gguf.find("q"), "thirds", 3}}); }).kind == "SHAPE");
    CHECK(refusal_of([&] { weights->at("absent"); }).kind == "MISSING");
}
