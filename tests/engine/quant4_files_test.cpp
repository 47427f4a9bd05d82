// bitsandbytes' serialised four-bit weights: what real folders hold, and what they must not.
#include "engine/io/quant4_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/io/model_source.h"
#include "engine/io/quant4_writer.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/random.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const Path kGolden = source_dir() / "tests/golden";

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool same(Bytes a, Bytes b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// A tensor that a test may spoil.
struct Part {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
};

Part bytes_part(const std::string& name, std::string_view text) {
    Part part = {.name = name, .dtype = DType::kU8, .shape = {static_cast<int64_t>(text.size())}, .bytes = {}};
    const Bytes bytes = std::as_bytes(std::span(text));
    part.bytes.assign(bytes.begin(), bytes.end());
    return part;
}

constexpr int64_t kRows = 5, kCols = 39;   // four blocks, the last one short; an odd count

std::vector<float> small_matrix() {
    Random random("quant4 files");
    std::vector<float> values(kRows * kCols);
    for (float& v : values) v = static_cast<float>(random.normal());
    return values;
}

// A folder with one weight in four bits.
class Folder {
public:
    explicit Folder(DoubleQuant double_quant) : values_(small_matrix()) {
        const Quant4Source source = {.kind = Quant4::kNf4,
                                     .double_quant = double_quant,
                                     .encoded = DType::kF32,
                                     .rows = kRows,
                                     .cols = kCols,
                                     .read = [&](int64_t first, int64_t) { return values_.data() + first * kCols; }};
        Quant4Writer writer;
        for (const TensorToWrite& t : writer.tensors("x.weight", source)) {
            const Bytes bytes = t.bytes();
            parts.push_back({t.name, t.dtype, t.shape, {bytes.begin(), bytes.end()}});
        }
    }

    Part& part(std::string_view end) {
        const auto at = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name.ends_with(end); });
        REQUIRE(at != parts.end());
        return *at;
    }
    void drop(std::string_view end) {
        std::erase_if(parts, [&](const Part& p) { return p.name.ends_with(end); });
    }
    // The state's text, after an edit of it.
    void state(const std::function<void(std::string&)>& edit) {
        Part& part = this->part("__nf4");
        std::string text(text_of(part.bytes));
        edit(text);
        part = bytes_part(part.name, text);
    }
    void replace(std::string_view from, std::string_view to) {
        state([&](std::string& text) {
            const size_t at = text.find(from);
            REQUIRE(at != std::string::npos);
            text.replace(at, from.size(), to);
        });
    }
    void set_float(std::string_view end, float value) { std::memcpy(part(end).bytes.data(), &value, sizeof value); }

    std::unique_ptr<ModelWeights> open() const {
        std::vector<TensorToWrite> tensors;
        for (const Part& p : parts)
            tensors.push_back(
                {.name = p.name, .dtype = p.dtype, .shape = p.shape, .bytes = [&] { return Bytes(p.bytes); }});
        write_safetensors(folder_.path() / "model.safetensors", tensors);
        return FolderModel(folder_.path()).weights();
    }
    Refusal refusal() const {
        return refusal_of([&] {
            const auto weights = open();
            std::vector<std::byte> scratch;
            for (const StoredTensor& t : weights->tensors()) weights->rows(t, 0, t.rows(), scratch);
        });
    }

    std::vector<Part> parts;

private:
    TempFolder folder_;
    std::vector<float> values_;
};

}   // namespace

TEST_CASE("the weights that transformers saved in four bits are read, each with all its parts") {
    for (const auto& [folder, kind, double_quant] :
         {std::tuple{"tiny-nf4", "NF4", DoubleQuant::kYes}, std::tuple{"tiny-fp4", "FP4", DoubleQuant::kNo}}) {
        const FolderModel model(kGolden / folder);
        const auto weights = model.weights();
        size_t packed = 0;
        for (const StoredTensor& t : weights->tensors()) {
            CHECK_FALSE(is_quant4_part(t.name));
            if (t.storage != Storage::kQuant4) continue;
            ++packed;
            CHECK(t.type == kind);
            const Quant4Data data = weights->quant4(t);
            CHECK(t.shape == std::vector<int64_t>{data.rows, data.cols});
            CHECK(data.double_quant() == double_quant);
            CHECK(data.encoded == DType::kBf16);
            CHECK(data.block == 64);
        }
        CHECK(packed == 14);
    }
}

TEST_CASE("the state of a weight is written byte for byte as Python writes it, whatever the offset's digits") {
    const Safetensors file = Safetensors::open(kGolden / "four-bit/expected.safetensors");
    for (const Json& one : parse_json_file(kGolden / "four-bit/cases.json", {})) {
        CAPTURE(one.dump());
        const auto type = one.at("dtype").get<std::string>();
        Quant4Data data;
        data.kind = one.at("quant_type") == "nf4" ? Quant4::kNf4 : Quant4::kFp4;
        data.encoded = type == "f32" ? DType::kF32 : type == "bf16" ? DType::kBf16 : DType::kF16;
        data.rows = one.at("shape")[0].get<int64_t>();
        data.cols = one.at("shape")[1].get<int64_t>();
        const std::string stem = one.at("matrix").get<std::string>() + "." + one.at("quant_type").get<std::string>();
        CHECK(quant4_state(data) == text_of(file.find(stem + ".state")->bytes));
        data.offset = static_cast<float>(one.at("offset").get<double>());
        const float nested[1] = {1};
        data.nested_scales = std::as_bytes(std::span(nested));
        CHECK(quant4_state(data) == text_of(file.find(stem + ".state8")->bytes));
    }
}

TEST_CASE("rows of a weight in four bits are those of the whole, wherever they begin") {
    for (const DoubleQuant double_quant : {DoubleQuant::kNo, DoubleQuant::kYes}) {
        const auto weights = Folder(double_quant).open();
        const StoredTensor& tensor = weights->at("x.weight");
        REQUIRE(tensor.storage == Storage::kQuant4);
        std::vector<std::byte> whole, some;
        const StoredRows all = weights->rows(tensor, 0, kRows, whole);
        CHECK(all.dtype == DType::kF32);
        for (int64_t first = 0; first < kRows; ++first)
            for (int64_t count = 0; first + count <= kRows; ++count)
                CHECK(same(
                    weights->rows(tensor, first, count, some).bytes,
                    all.bytes.subspan(static_cast<size_t>(first * kCols * 4), static_cast<size_t>(count * kCols * 4))));
    }
}

TEST_CASE("codes that are stored as numbers of another type are the same codes") {
    Folder folder(DoubleQuant::kNo);
    std::vector<std::byte> scratch;
    const auto before = folder.open();
    const StoredRows plain = before->rows(before->at("x.weight"), 0, kRows, scratch);
    Part& codes = folder.part("x.weight");
    REQUIRE(codes.bytes.size() == 98);
    codes.dtype = DType::kBf16;   // bnb_4bit_quant_storage
    codes.shape = {49, 1};
    std::vector<std::byte> again;
    const auto after = folder.open();
    CHECK(same(after->rows(after->at("x.weight"), 0, kRows, again).bytes, plain.bytes));
}

namespace {

struct Spoiling {
    const char* what;
    const char* kind;
    std::function<void(Folder&)> act;
    DoubleQuant double_quant = DoubleQuant::kYes;
};

std::vector<Spoiling> missing_parts() {
    std::vector<Spoiling> all;
    for (const char* end : {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"})
        all.push_back({end, "MISSING", [=](Folder& f) { f.drop(std::string("weight") + end); }});
    all.push_back({"no state", "MISSING", [](Folder& f) { f.drop("__nf4"); }});
    all.push_back({"no weight", "MISSING", [](Folder& f) { f.drop("x.weight"); }});
    return all;
}

std::vector<Spoiling> bad_tensors() {
    return {
        {"two states", "DUP",
         [](Folder& f) {
             Part state = f.part("__nf4");
             state.name = "x.weight.quant_state.bitsandbytes__fp4";
             f.parts.push_back(state);
         }},
        {"a map of 15", "SHAPE",
         [](Folder& f) { f.part("t.quant_map").shape = {15}, f.part("t.quant_map").bytes.resize(60); }},
        {"a map of two rows", "SHAPE",
         [](Folder& f) {
             f.part("t.quant_map").shape = {2, 8};
         }},
        {"a map of bf16", "DTYPE",
         [](Folder& f) { f.part("t.quant_map").dtype = DType::kBf16, f.part("t.quant_map").bytes.resize(32); }},
        {"a map with NaN", "VALUE", [](Folder& f) { f.set_float("t.quant_map", NAN); }},
        {"an infinite nested map", "VALUE", [](Folder& f) { f.set_float("nested_quant_map", INFINITY); }},
        {"a scale too few", "SHAPE",
         [](Folder& f) { f.part("t.absmax").shape = {3}, f.part("t.absmax").bytes.resize(3); }},
        {"a scale too many", "SHAPE",
         [](Folder& f) { f.part("t.absmax").shape = {5}, f.part("t.absmax").bytes.resize(5); }},
        {"plain scales in eight bits", "DTYPE",
         [](Folder& f) { f.part("t.absmax").dtype = DType::kU8, f.part("t.absmax").bytes.resize(4); },
         DoubleQuant::kNo},
        {"an infinite scale", "VALUE", [](Folder& f) { f.set_float("t.absmax", INFINITY); }, DoubleQuant::kNo},
        {"a nested scale too many", "SHAPE",
         [](Folder& f) { f.part("nested_absmax").shape = {2}, f.part("nested_absmax").bytes.resize(8); }},
        {"scales that overflow", "RANGE",
         [](Folder& f) { f.set_float("nested_absmax", 3e38f), f.set_float("t.quant_map", 2); }},
        {"codes too few", "SHAPE",
         [](Folder& f) {
             f.part("x.weight").shape = {97, 1}, f.part("x.weight").bytes.resize(97);
         }},
        {"codes too many", "SHAPE",
         [](Folder& f) {
             f.part("x.weight").shape = {99, 1}, f.part("x.weight").bytes.resize(99);
         }},
        {"codes in a square", "SHAPE",
         [](Folder& f) {
             f.part("x.weight").shape = {49, 2};
         }},
        {"codes of i16", "DTYPE",
         [](Folder& f) {
             f.part("x.weight").dtype = DType::kI16, f.part("x.weight").shape = {49, 1};
         }},
        {"nested parts beside a plain state", "EXTRA",
         [](Folder& f) {
             Part map = f.part("t.quant_map");
             map.name = "x.weight.nested_absmax";
             f.parts.push_back(map);
         },
         DoubleQuant::kNo},
        {"a state of 5000 bytes", "LIMIT", [](Folder& f) { f.state([](std::string& t) { t.append(5000, ' '); }); }},
    };
}

std::vector<Spoiling> bad_states() {
    const auto edit = [](const char* from, const char* to) { return [=](Folder& f) { f.replace(from, to); }; };
    return {
        {"another kind", "SCHEMA", edit("\"nf4\"", "\"fp4\"")},
        {"no kind", "SCHEMA", edit("\"quant_type\": \"nf4\", ", "")},
        {"a block of 63", "RANGE", edit("64", "63")},
        {"a block of 96", "RANGE", edit("64", "96")},
        {"a block of 8192", "RANGE", edit("64", "8192")},
        {"a block of 0", "RANGE", edit("64", "0")},
        {"a block of text", "SCHEMA", edit("64", "\"64\"")},
        {"a block too large for its scales", "SHAPE", edit("64", "128")},
        {"dtype int8", "DTYPE", edit("\"float32\", \"shape\"", "\"int8\", \"shape\"")},
        {"shape with three extents", "SHAPE", edit("[5, 39]", "[5, 3, 13]")},
        {"shape with one extent", "SHAPE", edit("[5, 39]", "[195]")},
        {"a shape of zero", "RANGE", edit("[5, 39]", "[0, 39]")},
        {"a negative shape", "RANGE", edit("[5, 39]", "[-5, -39]")},
        {"a shape of 2^31 squared", "SHAPE", edit("[5, 39]", "[2147483648, 2147483648]")},
        {"a shape beyond the limit", "RANGE", edit("[5, 39]", "[9223372036854775807, 39]")},
        {"a shape beyond int64", "OVERFLOW", edit("[5, 39]", "[9223372036854775808, 39]")},
        {"another shape", "SHAPE", edit("[5, 39]", "[5, 41]")},
        {"nested blocks of 128", "RANGE", edit("256", "128")},
        {"nested dtype bfloat16", "DTYPE", edit("\"nested_dtype\": \"float32\"", "\"nested_dtype\": \"bfloat16\"")},
        {"an offset of text", "SCHEMA", edit("\"nested_offset\": ", "\"nested_offset\": \"1\", \"x\": ")},
        {"an offset of 1e39", "RANGE", edit("\"nested_offset\": ", "\"nested_offset\": 1e39, \"x\": ")},
        {"an unknown field", "SCHEMA", edit("{", "{\"zero_point\": 8, ")},
        {"no JSON", "SYNTAX", [](Folder& f) { f.state([](std::string& t) { t = "nf4"; }); }},
        {"a list", "SCHEMA", [](Folder& f) { f.state([](std::string& t) { t = "[]"; }); }},
        {"NUL", "SYNTAX", [](Folder& f) { f.state([](std::string& t) { t += '\0'; }); }},
        {"not UTF-8", "ENCODING", edit("nf4", "\xff\xfe")},
    };
}

void check_refused(const std::vector<Spoiling>& all) {
    for (const Spoiling& one : all) {
        CAPTURE(one.what);
        Folder folder(one.double_quant);
        REQUIRE(folder.refusal().kind == "");
        one.act(folder);
        const Refusal refusal = folder.refusal();
        CHECK(refusal.kind == one.kind);
        CHECK(refusal.names("x.weight"));
        CHECK(is_one_line(refusal.text));
    }
}

}   // namespace

TEST_CASE("a weight in four bits without one of its parts is refused") {
    check_refused(missing_parts());
}

TEST_CASE("parts of another shape, type or range than the state says are refused") {
    check_refused(bad_tensors());
}

TEST_CASE("a state that says something else than the tensors, or nothing sensible, is refused") {
    check_refused(bad_states());
}

TEST_CASE("every proper prefix of a state is refused, and any byte changed is refused or read in bounds") {
    for (const DoubleQuant double_quant : {DoubleQuant::kNo, DoubleQuant::kYes}) {
        Folder folder(double_quant);
        const std::string good(text_of(folder.part("__nf4").bytes));
        for (size_t size = 0; size < good.size(); ++size) {
            folder.state([&](std::string& text) { text = good.substr(0, size); });
            CHECK(folder.refusal().kind != "");
        }
        int refused = 0;
        for (size_t at = 0; at < good.size(); ++at)
            for (const char change : {'\0', '\x01', '\xff', '"', '}', '9', '-', ' '}) {
                folder.state([&](std::string& text) { (text = good)[at] = change; });
                const Refusal refusal = folder.refusal();
                refused += refusal.kind != "";
                CHECK(is_one_line(refusal.text));
            }
        CHECK(refused > 500);   // what stands inside a number or between tokens may change and still be read
    }
}
