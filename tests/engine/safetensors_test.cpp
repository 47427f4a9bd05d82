#include "engine/io/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/io/json.h"
#include "engine/io/model_files.h"
#include "tests/engine/refusal.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/harness/random.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const Path kGolden = source_dir() / "tests/golden";

std::string content_of(const Path& path) {
    return read_file(path, int64_t{1} << 30);
}

std::vector<TensorToWrite> copies_of(const Safetensors& file) {
    std::vector<TensorToWrite> copies;
    for (const SafeTensor& t : file.tensors())
        copies.push_back(
            {.name = t.name, .dtype = dtype_of(t, file.file()), .shape = t.shape, .bytes = [&t] { return t.bytes; }});
    return copies;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}   // namespace

TEST_CASE("every file of the reference library, read and written again, has the same bytes") {
    const TempFolder folder;
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kGolden)) {
        if (entry.path().extension() != ".safetensors") continue;
        CAPTURE(entry.path().string());
        const Safetensors file = Safetensors::open(entry.path());
        std::vector<TensorToWrite> copies = copies_of(file);
        std::reverse(copies.begin(), copies.end());   // the writer orders them
        write_safetensors(folder.path() / "copy.safetensors", copies);
        CHECK(content_of(folder.path() / "copy.safetensors") == content_of(entry.path()));
        ++files;
    }
    CHECK(files >= 25);
}

TEST_CASE("what is written is read back, widest dtype first, for every dtype the engine has") {
    const TempFolder folder;
    const Path path = folder.path() / "all.safetensors";
    constexpr DType kAll[] = {DType::kU8,  DType::kI16, DType::kF16, DType::kBf16,
                              DType::kI32, DType::kF32, DType::kF64, DType::kI64};
    std::vector<std::string> data;
    Random random("all dtypes");
    for (const DType t : kAll) {
        data.emplace_back();
        for (int64_t i = 0; i < 3 * 5 * size_bytes(t); ++i) data.back() += static_cast<char>(random.below(256));
    }
    std::vector<TensorToWrite> tensors;
    for (size_t i = 0; i < data.size(); ++i)
        tensors.push_back(
            {.name = "t." + std::string(name(kAll[i])), .dtype = kAll[i], .shape = {3, 1, 5}, .bytes = [&, i] {
                 return std::as_bytes(std::span(data[i]));
             }});
    tensors.push_back(
        {.name = "nothing \"here\" π", .dtype = DType::kF32, .shape = {0, 7}, .bytes = [] { return Bytes(); }});
    write_safetensors(path, tensors);

    const Safetensors file = Safetensors::open(path);
    CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}});
    for (size_t i = 0; i < data.size(); ++i) {
        const SafeTensor* tensor = file.find(tensors[i].name);
        REQUIRE(tensor != nullptr);
        CHECK(tensor->shape == tensors[i].shape);
        CHECK(dtype_of(*tensor, file.file()) == kAll[i]);
        CHECK(std::ranges::equal(tensor->bytes, std::as_bytes(std::span(data[i]))));
    }
    REQUIRE(file.find("nothing \"here\" π") != nullptr);
    CHECK(file.find("absent") == nullptr);
    const char* const order[] = {"I64", "F64", "F32", "F32", "I32", "BF16", "F16", "I16", "U8"};
    for (size_t i = 0; i < file.tensors().size(); ++i) CHECK(file.tensors()[i].dtype == order[i]);
    const std::string bytes = content_of(path);
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    CHECK((8 + length) % 8 == 0);
    CHECK(bytes[8] == '{');
}

TEST_CASE("a tensor whose bytes fail to come leaves no file") {
    const TempFolder folder;
    const TensorToWrite good = {.name = "a", .dtype = DType::kU8, .shape = {0}, .bytes = [] { return Bytes(); }};
    TensorToWrite bad = {.name = "b", .dtype = DType::kU8, .shape = {1}, .bytes = [] { return Bytes(); }};
    CHECK_THROWS_AS(write_safetensors(folder.path() / "x.safetensors", {good, bad}), InternalError);
    CHECK_THROWS_AS(write_safetensors(folder.path() / "x.safetensors", {good, good}), InternalError);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("every proper prefix of a safetensors file is refused, and one byte more too") {
    const TempFolder folder;
    const std::string bytes = small_container();
    REQUIRE(Safetensors::open(folder.write("x.safetensors", bytes)).tensors().size() == 4);
    for (size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        const Path path = folder.write("x.safetensors", bytes.substr(0, size));
        const Refusal refusal = refusal_of([&] { Safetensors::open(path); });
        CHECK(refusal.kind == "TRUNC");
        CHECK(refusal.names(path.string()));
    }
    for (const char more : {'\0', ' ', '}'}) {
        const Path path = folder.write("x.safetensors", bytes + more);
        CHECK(refusal_of([&] { Safetensors::open(path); }).kind == "LAYOUT");
    }
}

TEST_CASE("a safetensors file with any byte of its header changed is read in bounds or refused with one line") {
    const TempFolder folder;
    const std::string good = small_container();
    int refused = 0;
    for (size_t at = 0; at + 22 < good.size(); ++at)
        for (const char change : {'\0', '\x01', '\x20', '\x80', '\xff', '{', '}', '[', '"', '9', '-', ','}) {
            std::string bytes = good;
            bytes[at] = at % 2 == 0 ? change : static_cast<char>(bytes[at] ^ change);
            CAPTURE(at);
            CAPTURE(static_cast<int>(change));
            const Path path = folder.write("x.safetensors", bytes);
            const Refusal refusal = refusal_of([&] {
                size_t total = 0;
                const Safetensors file = Safetensors::open(path);
                for (const SafeTensor& tensor : file.tensors()) total += tensor.bytes.size();
                CHECK(total == 22);
            });
            refused += !refusal.kind.empty();
            CHECK(is_one_line(refusal.text));
        }
    CHECK(refused > 1000);
}

TEST_CASE("a header of 640 bytes, whose length begins like a pickle, is read") {
    const TempFolder folder;
    for (const size_t length : {size_t{0x0280}, size_t{0x10280}}) {
        std::string header = "{" + tensor_entry("a", "U8", "[3]", "[0,3]") + "}";
        header.resize(length, ' ');
        CHECK(Safetensors::open(folder.write("x.safetensors", container(header, 3))).tensors().size() == 1);
    }
}

TEST_CASE("white space before the header's brace is read, as the reference library does") {
    const TempFolder folder;
    const std::string header = " \n{" + tensor_entry("a", "U8", "[3]", "[0,3]") + "}";
    CHECK(Safetensors::open(folder.write("x.safetensors", container(header, 3))).tensors().size() == 1);
}

TEST_CASE("dtypes the engine does not compute with are read as bytes and refused where they are asked for") {
    const TempFolder folder;
    const Safetensors file = Safetensors::open(
        folder.write("x.safetensors", container("{" + tensor_entry("a", "F8_E4M3", "[3]", "[0,3]") + "}", 3)));
    REQUIRE(file.find("a") != nullptr);
    const Refusal refusal = refusal_of([&] { dtype_of(*file.find("a"), file.file()); });
    CHECK(refusal.kind == "DTYPE");
    CHECK(refusal.names("x.safetensors"));
}

TEST_CASE("tensor names and places outlive the move of a file") {
    const TempFolder folder;
    Safetensors first = Safetensors::open(folder.write("x.safetensors", small_container()));
    std::vector<Safetensors> files;
    files.push_back(std::move(first));
    REQUIRE(files.back().find("c") != nullptr);
    CHECK(files.back().find("c")->bytes.size() == 4);
}

TEST_CASE("first_nonfinite finds the first NaN or infinity wherever it is, and nothing among finite numbers") {
    constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kMax = std::numeric_limits<float>::max(), kTiny = std::numeric_limits<float>::denorm_min();
    // One element, around a block's end, and far behind it.
    for (const int64_t count : {int64_t{1}, int64_t{1023}, int64_t{1024}, int64_t{1025}, int64_t{5000}}) {
        for (const float bad : {kInf, -kInf, kNan, -kNan}) {
            std::vector<float> f32(static_cast<size_t>(count), kMax);
            f32[0] = -kTiny;
            std::vector<double> f64(f32.begin(), f32.end());
            f64[0] = std::numeric_limits<double>::max();
            CHECK(first_nonfinite(std::as_bytes(std::span(f32)), "F32") == -1);
            CHECK(first_nonfinite(std::as_bytes(std::span(f64)), "F64") == -1);
            for (const int64_t at : {int64_t{0}, count / 2, count - 1}) {
                std::vector<float> broken = f32;
                broken[static_cast<size_t>(at)] = bad;
                broken.back() = bad;
                CHECK(first_nonfinite(std::as_bytes(std::span(broken)), "F32") == at);
                const std::vector<double> wide(broken.begin(), broken.end());
                CHECK(first_nonfinite(std::as_bytes(std::span(wide)), "F64") == at);
            }
        }
    }
    CHECK(first_nonfinite({}, "F32") == -1);
}

TEST_CASE("of all 65536 patterns of bf16 and of f16, first_nonfinite tells those whose exponent is full") {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
        const std::vector<uint16_t> one = {static_cast<uint16_t>(bits)};
        const bool bf16 = first_nonfinite(std::as_bytes(std::span(one)), "BF16") == 0;
        const bool f16 = first_nonfinite(std::as_bytes(std::span(one)), "F16") == 0;
        const bool right = bf16 == ((bits >> 7 & 0xff) == 0xff) && f16 == ((bits >> 10 & 0x1f) == 0x1f);
        if (!right) FAIL_CHECK("pattern " << bits);
    }
    CHECK(first_nonfinite(std::as_bytes(std::span("\xff\xff\xff\xff", 4)), "I32") == -1);
}

TEST_CASE("a model in shards holds the tensors of all of them, each from its own file") {
    const Path folder = kGolden / "tiny-sharded-bf16";
    const ModelFiles files = ModelFiles::open(folder);
    const Json map = parse_json_file(folder / "model.safetensors.index.json", {}).at("weight_map");
    CHECK(files.names().size() == map.size());
    for (const auto& [tensor, shard] : map.items()) {
        const ModelFiles::Place place = files.at(tensor);
        CHECK(place.tensor->name == tensor);
        CHECK(Path(*place.file).filename().string() == shard.get<std::string>());
    }
    CHECK_FALSE(files.find("absent"));
    CHECK(refusal_of([&] { files.at("absent"); }).kind == "MISSING");
    CHECK_NOTHROW(files.expect_intact());
}

TEST_CASE("a model in one file needs no index") {
    const ModelFiles files = ModelFiles::open(kGolden / "tiny-gqa");
    CHECK(files.names().size() == 20);
    const Json config = parse_json_file(kGolden / "tiny-gqa/config.json", {});
    CHECK(files.at("model.norm.weight").tensor->shape == std::vector<int64_t>{config.at("hidden_size").get<int64_t>()});
}
