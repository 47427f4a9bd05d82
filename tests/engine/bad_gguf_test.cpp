// GGUF files that are wrong, damaged or hostile: each gives one UserError, of its kind, with the file's name.
#include <doctest/doctest.h>

#include <functional>

#include "engine/io/gguf_weights.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/refusal.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

struct Bad {
    std::string what, bytes, kind;
};

constexpr uint64_t kHuge = ~uint64_t{0};

std::string counted(int64_t values, int64_t tensors) {
    GgufBytes g = small_gguf();
    g.extra_values = values;
    g.extra_tensors = tensors;
    return g.file();
}

std::string of_version(uint32_t version) {
    GgufBytes g = small_gguf();
    g.version = version;
    return g.file();
}

std::string with_value(std::string_view key, const std::string& value) {
    return small_gguf().value(key, value).file();
}

std::string with_entry(const std::string& entry, std::string_view data = std::string(64, '\0')) {
    return GgufBytes().entry(entry).data(data).file();
}

std::vector<Bad> bad_headers() {
    const std::string good = small_gguf().file();
    return {
        {"empty", "", "TRUNC"},
        {"another file", "{\"model_type\": \"llama\"}", "SYNTAX"},
        {"the older GGML", "tjgg" + good.substr(4), "SYNTAX"},
        {"version 1", of_version(1), "VERSION"},
        {"version 4", of_version(4), "VERSION"},
        {"big-endian", of_version(0x03000000), "VERSION"},
        {"2^64 - 1 values", counted(-16, 0), "LIMIT"},
        {"2^32 values", counted(int64_t{1} << 32, 0), "LIMIT"},
        {"more values than bytes", counted(60000, 0), "TRUNC"},
        {"one value more", counted(1, 0), ""},   // any kind: the tensors are read as a value
        {"2^64 - 1 tensors", counted(0, -4), "LIMIT"},
        {"more tensors than bytes", counted(0, 190000), "TRUNC"},
        {"one tensor more", counted(0, 1), ""},
        {"bytes behind the last tensor", good + std::string(32, '\0'), "LAYOUT"},
    };
}

std::vector<Bad> bad_values() {
    std::string deep = gguf_array(GgufKind::kU8, 0, "").substr(4);
    for (int i = 0; i < 5; ++i) deep = gguf_array(GgufKind::kArray, 1, deep).substr(4);
    return {
        {"kind 13", with_value("x", little(uint32_t{13})), "SCHEMA"},
        {"kind 2^32 - 1", with_value("x", little(uint32_t{0xFFFFFFFF})), "SCHEMA"},
        {"a bool of 2", with_value("x", gguf_bool(2)), "SCHEMA"},
        {"a text of 2^64 - 1 bytes", with_value("x", gguf_kind(GgufKind::kString) + little(kHuge)), "TRUNC"},
        {"a text of 2^63 bytes", with_value("x", gguf_kind(GgufKind::kString) + little(uint64_t{1} << 63)), "TRUNC"},
        {"a text of 17 MiB", with_value("x", gguf_text(std::string(size_t{17} << 20, 'x'))), "LIMIT"},
        {"a text that is not UTF-8", with_value("x", gguf_text("a\xff")), "ENCODING"},
        {"an array of 2^64 - 1 texts", with_value("x", gguf_array(GgufKind::kString, kHuge, "")), "TRUNC"},
        {"an array of 2^64 - 1 f64", with_value("x", gguf_array(GgufKind::kF64, kHuge, "")), "TRUNC"},
        {"an array whose bytes wrap to 0", with_value("x", gguf_array(GgufKind::kF64, uint64_t{1} << 61, "")), "TRUNC"},
        {"an array of 2^40 arrays", with_value("x", gguf_array(GgufKind::kArray, uint64_t{1} << 40, "")), "TRUNC"},
        {"an array of kind 77", with_value("x", gguf_array(static_cast<GgufKind>(77), 1, "x")), "SCHEMA"},
        {"a bool of 3 in an array", with_value("x", gguf_array(GgufKind::kBool, 2, std::string("\1\3", 2))), "SCHEMA"},
        {"arrays six deep", with_value("x", gguf_kind(GgufKind::kArray) + deep), "LIMIT"},
        {"a key twice", with_value("a.u8", gguf_u32(1)), "DUP"},
        {"an empty key", with_value("", gguf_u32(1)), "ENCODING"},
        {"a key with ESC", with_value("a\x1b[31m", gguf_u32(1)), "ENCODING"},
        {"a key that is not ASCII", with_value("é", gguf_u32(1)), "ENCODING"},
        {"a key of 65536 bytes", with_value(std::string(65536, 'k'), gguf_u32(1)), "LIMIT"},
        {"alignment 0", with_value("general.alignment", gguf_u32(0)), "RANGE"},
        {"alignment 24", with_value("general.alignment", gguf_u32(24)), "RANGE"},
        {"alignment 2^31", with_value("general.alignment", gguf_u32(0x80000000)), "RANGE"},
        {"alignment a text", with_value("general.alignment", gguf_text("32")), "SCHEMA"},
        {"alignment an i32", with_value("general.alignment", gguf_kind(GgufKind::kI32) + little(-32)), "SCHEMA"},
    };
}

std::vector<Bad> bad_tensors() {
    const auto f32 = [](const std::vector<uint64_t>& extents, uint64_t offset = 0) {
        return gguf_entry("t", extents, kTypeF32, offset);
    };
    const std::string two = f32({8}) + gguf_entry("u", {8}, kTypeF32, 32);
    const auto both = [](const std::string& a, const std::string& b, size_t bytes) {
        return GgufBytes().entry(a).entry(b).data(std::string(bytes, '\0')).file();
    };
    return {
        {"rank 5", with_entry(gguf_entry("t", {1, 1, 1, 1, 16}, kTypeF32, 0)), "LIMIT"},
        {"rank 2^32 - 1", with_entry(gguf_string("t") + little(uint32_t{0xFFFFFFFF})), "LIMIT"},
        {"an extent of 2^63", with_entry(f32({uint64_t{1} << 63})), "OVERFLOW"},
        {"a product that wraps to 16", with_entry(f32({4, (uint64_t{1} << 62) + 1})), "OVERFLOW"},
        {"bytes that wrap", with_entry(f32({(uint64_t{1} << 62) + 4})), "OVERFLOW"},
        {"a product that wraps beside a zero", with_entry(f32({0, uint64_t{1} << 62, 4}), ""), "OVERFLOW"},
        {"bytes that wrap when padded", with_entry(f32({(uint64_t{1} << 61) - 1})), "TRUNC"},
        {"more than the file", with_entry(f32({1 << 20})), "TRUNC"},
        {"half a block", with_entry(gguf_entry("t", {16}, kTypeQ8_0, 0)), "LAYOUT"},
        {"half a large block", with_entry(gguf_entry("t", {128, 2}, kTypeQ4_K, 0)), "LAYOUT"},
        {"type 77", with_entry(gguf_entry("t", {16}, 77, 0)), "DTYPE"},
        {"type 2^32 - 1", with_entry(gguf_entry("t", {16}, 0xFFFFFFFF, 0)), "DTYPE"},
        {"IQ2_XS", with_entry(gguf_entry("t", {256}, 17, 0)), "DTYPE"},
        {"an offset that is not aligned", with_entry(f32({16}, 4)), "LAYOUT"},
        {"an offset of 2^64 - 32", with_entry(f32({16}, kHuge - 31)), "LAYOUT"},
        {"an offset of 2^63 - 32", with_entry(f32({16}, (uint64_t{1} << 63) - 32)), "LAYOUT"},
        {"a hole before the first", with_entry(f32({8}, 32)), "LAYOUT"},
        {"an overlap", both(f32({16}), gguf_entry("u", {8}, kTypeF32, 32), 64), "LAYOUT"},
        {"the same bytes twice", both(f32({8}), gguf_entry("u", {8}, kTypeF32, 0), 64), "LAYOUT"},
        {"a hole between two", both(f32({8}), gguf_entry("u", {8}, kTypeF32, 64), 96), "LAYOUT"},
        {"a tensor twice", both(f32({8}), gguf_entry("t", {8}, kTypeF32, 32), 64), "DUP"},
        {"a name of 513 bytes", with_entry(gguf_entry(std::string(513, 'n'), {16}, kTypeF32, 0)), "LIMIT"},
        {"a name with a newline", with_entry(gguf_entry("a\nb", {16}, kTypeF32, 0)), "ENCODING"},
        {"a name that is not UTF-8", with_entry(gguf_entry("\xff", {16}, kTypeF32, 0)), "ENCODING"},
    };
}

Refusal opening(const Path& path) {
    return refusal_of([&] { Gguf::open(path); });
}

}   // namespace

TEST_CASE("a bad GGUF file is refused with its kind, its name and one line") {
    const TempFolder folder;
    for (const auto& table : {bad_headers(), bad_values(), bad_tensors()})
        for (const Bad& bad : table) {
            CAPTURE(bad.what);
            const Path path = folder.write("bad.gguf", bad.bytes);
            const Refusal refusal = opening(path);
            CAPTURE(refusal.text);
            CHECK(refusal.kind != "");
            if (!bad.kind.empty()) CHECK(refusal.kind == bad.kind);
            CHECK(refusal.names(path.string()));
            CHECK(is_one_line(refusal.text));
        }
}

TEST_CASE("every proper prefix of a GGUF file is refused") {
    const TempFolder folder;
    const std::string whole = small_gguf().file();
    CHECK(opening(folder.write("whole.gguf", whole)).kind == "");
    for (size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        const Refusal refusal = opening(folder.write("cut.gguf", whole.substr(0, length)));
        CHECK(refusal.kind != "");
        CHECK(is_one_line(refusal.text));
    }
}

TEST_CASE("a GGUF file with any byte of its header changed is read or refused, and nothing else") {
    const TempFolder folder;
    const std::string whole = small_gguf().file();
    const size_t header = small_gguf().header().size();
    int refused = 0;
    for (size_t at = 0; at < header; ++at)
        for (const int change : {0x01, 0x80, 0xff}) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ change);
            CAPTURE(at);
            const Refusal refusal = opening(folder.write("x.gguf", changed));
            CHECK(is_one_line(refusal.text));
            refused += refusal.kind != "";
        }
    CHECK(refused > static_cast<int>(header));   // a third at least: lengths, kinds and offsets
}

TEST_CASE("a GGUF file cut after it was opened is TRUNC") {
    const TempFolder folder;
    const Path path = folder.write("x.gguf", small_gguf().file());
    const Gguf gguf = Gguf::open(path);
    std::filesystem::resize_file(path, 100);
    const Refusal refusal = refusal_of([&] { gguf.expect_intact(); });
    CHECK(refusal.kind == "TRUNC");
    CHECK(refusal.names("x.gguf"));
}

TEST_CASE("rows of heads that are no pairs, and a vector of heads in blocks, are refused") {
    const TempFolder folder;
    GgufBytes bytes;
    bytes.tensor("t", {32}, kTypeQ8_0, std::string(34, '\0'));
    const Gguf gguf = Gguf::open(folder.write("x.gguf", bytes.file()));
    const GgufTensor* const tensor = gguf.find("t");
    REQUIRE(tensor != nullptr);
    const auto kind = [&](int64_t heads) {
        return refusal_of([&] { gguf_weights(gguf, {{.tensor = tensor, .name = "w", .paired_heads = heads}}); }).kind;
    };
    CHECK(kind(5) == "SHAPE");
    CHECK(kind(4) == "DTYPE");
}
