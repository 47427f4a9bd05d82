// Rows 1 to 38, 47 and 48 of the bad-input set: each file gives exactly one UserError, of its kind, with the file's
// name.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/io/json.h"
#include "engine/io/model_files.h"
#include "engine/io/safetensors.h"
#include "tests/engine/refusal.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

struct BadFile {
    int row;
    std::string what, bytes, kind;
};

std::string wrapped(const std::string& entries) {
    return "{" + entries + "}";
}

std::string one_tensor(std::string_view shape, std::string_view offsets, size_t data_bytes = 16) {
    return container(wrapped(tensor_entry("a", "F32", shape, offsets)), data_bytes);
}

std::string repeated(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

std::string many_on_the_same_bytes(int count) {
    std::string entries;
    for (int i = 0; i < count; ++i)
        entries += (i == 0 ? "" : ",") + tensor_entry("t" + std::to_string(i), "F32", "[40000]", "[0,160000]");
    return container(wrapped(entries), 160000);
}

std::vector<BadFile> bad_lengths() {
    const std::string good = small_container();
    return {
        {1, "empty", "", "TRUNC"},
        {2, "7 bytes", good.substr(0, 7), "TRUNC"},
        {3, "header length beyond the file", length_prefix(good.size() + 1) + good.substr(8), "TRUNC"},
        {4, "header length 2^63", length_prefix(uint64_t{1} << 63) + good.substr(8), "LIMIT"},
        {4, "header length 2^64-1", length_prefix(~uint64_t{0}) + good.substr(8), "LIMIT"},
        {6, "header length 0", length_prefix(0) + good.substr(8), "SYNTAX"},
        {25, "data cut by 2 bytes", good.substr(0, good.size() - 2), "TRUNC"},
        {24, "zip appended", good + "PK\x03\x04", "LAYOUT"},
        {47, "pickle", std::string("\x80\x02}q\x00X\x05\x00\x00\x00model", 15), "UNSAFE"},
        {47, "pickle in a zip", std::string("PK\x03\x04\x14\0\0\0", 8) + std::string(22, '\0') + "archive/data.pkl",
         "UNSAFE"},
        {48, "zip", std::string("PK\x03\x04\x14\0\0\0", 8) + std::string(22, '\0') + "zeros.txt", "SYNTAX"},
    };
}

std::vector<BadFile> bad_structures() {
    const std::string a = tensor_entry("a", "F32", "[4]", "[0,16]");
    const std::string rest = R"("shape":[4],"data_offsets":[0,16]})";
    const auto named = [](const std::string& name) {
        return container(wrapped(tensor_entry(name, "F32", "[4]", "[0,16]")), 16);
    };
    return {
        {7, "0xFF in a name", named("\xff"), "ENCODING"},
        {7, "0xFF outside a string", container("{\xff}", 0), "ENCODING"},
        {8, "{ only", container("{", 0), "SYNTAX"},
        {9, "array", container("[]", 0), "SCHEMA"},
        {9, "string", container("\"x\"", 0), "SCHEMA"},
        {9, "null", container("null", 0), "SCHEMA"},
        {9, "a tensor that is a number", container(R"({"a":1})", 0), "SCHEMA"},
        {10, "bytes after the brace", container(wrapped(a) + "  x", 16), "SYNTAX"},
        {10, "NUL after the brace", container(wrapped(a) + std::string(1, '\0'), 16), "SYNTAX"},
        {10, "newline after the brace", container(wrapped(a) + " \n ", 16), "SYNTAX"},
        {11, "tensor twice", container(wrapped(a + "," + a), 16), "DUP"},
        {11, "metadata twice", container(R"({"__metadata__":{},"__metadata__":{}})", 0), "DUP"},
        {12, "shape twice", container(R"({"a":{"dtype":"F32","shape":[4],)" + rest + "}", 16), "DUP"},
        {13, "no dtype", container(R"({"a":{)" + rest + "}", 16), "SCHEMA"},
        {13, "no shape", container(R"({"a":{"dtype":"F32","data_offsets":[0,16]}})", 16), "SCHEMA"},
        {13, "no data_offsets", container(R"({"a":{"dtype":"F32","shape":[4]}})", 16), "SCHEMA"},
        {13, "an unknown field", container(R"({"a":{"dtype":"F32","stride":1,)" + rest + "}", 16), "SCHEMA"},
        {14, "dtype F33", container(wrapped(tensor_entry("a", "F33", "[4]", "[0,16]")), 16), "DTYPE"},
        {14, "dtype C64", container(wrapped(tensor_entry("a", "C64", "[2]", "[0,16]")), 16), "DTYPE"},
        {14, "dtype a number", container(R"({"a":{"dtype":32,)" + rest + "}", 16), "SCHEMA"},
        {26, "nested metadata", container(R"({"__metadata__":{"x":{}}})", 0), "SCHEMA"},
        {26, "metadata a list", container(R"({"__metadata__":["x"]})", 0), "SCHEMA"},
        {27, "newline in a name", named("\\n"), "ENCODING"},
        {27, "a raw newline in a name", named("\n"), "SYNTAX"},
        {27, "ESC in a name", named("\\u001b[31m"), "ENCODING"},
        {27, "NUL in a name", named("\\u0000"), "ENCODING"},
        {27, "a name of 513 bytes", named(std::string(513, 'n')), "LIMIT"},
        {27, "a name of 1 MB", named(std::string(1 << 20, 'n')), "LIMIT"},
        {28, "lone surrogate", named("\\ud800"), "ENCODING"},
        {29, "10000 arrays deep", container(R"({"a":)" + repeated("[", 10000) + repeated("]", 10000) + "}", 0),
         "LIMIT"},
        {29, "10000 objects deep", container(repeated(R"({"a":)", 10000) + "1" + repeated("}", 10000), 0), "LIMIT"},
    };
}

std::vector<BadFile> bad_layouts() {
    const std::string a = tensor_entry("a", "F32", "[4]", "[0,16]");
    std::vector<BadFile> files = {
        {15, "leading zero", one_tensor("[04]", "[0,16]"), "SYNTAX"},
        {16, "product wraps", one_tensor("[2,9223372036854775808]", "[0,16]"), "OVERFLOW"},
        {16, "product wraps to 16", one_tensor("[4,4611686018427387905]", "[0,16]"), "OVERFLOW"},
        {16, "product wraps beside a zero", one_tensor("[0,4611686018427387904,4]", "[0,0]", 0), "OVERFLOW"},
        {17, "bytes wrap", one_tensor("[4611686018427387908]", "[0,16]"), "OVERFLOW"},
        {18, "rank 9", one_tensor("[1,1,1,1,1,1,1,1,4]", "[0,16]"), "LIMIT"},
        {18, "rank 100000", one_tensor("[4" + repeated(",1", 99999) + "]", "[0,16]"), "LIMIT"},
        {19, "range too short", one_tensor("[4]", "[0,12]", 12), "LAYOUT"},
        {19, "range too long", one_tensor("[3]", "[0,16]"), "LAYOUT"},
        {20, "end before begin", one_tensor("[4]", "[16,0]"), "LAYOUT"},
        {20, "three offsets", one_tensor("[4]", "[0,16,16]"), "SCHEMA"},
        {21, "overlap", container(wrapped(a + "," + tensor_entry("b", "F32", "[4]", "[12,28]")), 28), "LAYOUT"},
        {22, "100000 tensors on the same bytes", many_on_the_same_bytes(100000), "LAYOUT"},
        {23, "hole", container(wrapped(a + "," + tensor_entry("b", "F32", "[4]", "[20,36]")), 36), "LAYOUT"},
        {23, "hole before the first", one_tensor("[4]", "[4,20]", 20), "LAYOUT"},
        {24, "bytes behind the last", one_tensor("[4]", "[0,16]", 18), "LAYOUT"},
        {25, "offsets beyond 2^53", one_tensor("[4]", "[9007199254740993,9007199254741009]"), "LAYOUT"},
    };
    for (const char* extent : {"-4", "4.0", "4e0", "1e3", "\"4\"", "null", "[4]", "true"})
        files.push_back({15, extent, one_tensor(std::string("[") + extent + "]", "[0,16]"), "SCHEMA"});
    return files;
}

void check_all(const std::vector<BadFile>& files) {
    const TempFolder folder;
    for (const BadFile& file : files) {
        CAPTURE(file.row);
        CAPTURE(file.what);
        const Path path = folder.write("bad.safetensors", file.bytes);
        const Refusal refusal = refusal_of([&] { Safetensors::open(path); });
        CHECK(refusal.kind == file.kind);
        CHECK(refusal.names(path.string()));
        CHECK(is_one_line(refusal.text));
    }
}

// Two shards and an index that tells the truth about them.
class Sharded : public TempFolder {
public:
    Sharded() {
        shard("model-1.safetensors", "a");
        shard("model-2.safetensors", "b");
        index(R"("a":"model-1.safetensors","b":"model-2.safetensors")");
    }
    void shard(const std::string& file, const std::string& tensor) const {
        write(file, container(wrapped(tensor_entry(tensor, "F32", "[4]", "[0,16]")), 16));
    }
    void index(const std::string& map, int total = 32) const {
        write("model.safetensors.index.json",
              "{\"metadata\":{\"total_size\":" + std::to_string(total) + "},\"weight_map\":{" + map + "}}");
    }
    Refusal refusal() const {
        const Refusal refusal = refusal_of([&] { ModelFiles::open(path()); });
        CHECK((refusal.kind.empty() || refusal.names(path().string())));
        CHECK(is_one_line(refusal.text));
        return refusal;
    }
};

}   // namespace

TEST_CASE("rows 1-4, 6, 24, 25, 47, 48: a safetensors file of the wrong length or format is refused") {
    check_all(bad_lengths());
}

TEST_CASE("rows 7-14, 26-29: a safetensors header of the wrong structure is refused") {
    check_all(bad_structures());
}

TEST_CASE("rows 15-25: safetensors shapes and offsets that do not fit the file are refused") {
    check_all(bad_layouts());
}

TEST_CASE("row 20: a range that ends before it begins is called that") {
    const TempFolder folder;
    const Path path = folder.write("bad.safetensors", one_tensor("[4]", "[16,0]"));
    CHECK(refusal_of([&] { Safetensors::open(path); }).names("[16, 0] end before they begin"));
}

TEST_CASE("row 5: a header beyond 100 million bytes is refused although the file has them") {
    const TempFolder folder;
    const Path path = folder.write("bad.safetensors", length_prefix(100'000'001));
    std::filesystem::resize_file(path, 100'000'100);
    const Refusal refusal = refusal_of([&] { Safetensors::open(path); });
    CHECK(refusal.kind == "LIMIT");
    CHECK(refusal.names(path.string()));
}

TEST_CASE("row 30: NaN and infinity in a weight are refused with file, tensor and place") {
    const TempFolder folder;
    const struct {
        const char *dtype, *bits;
        size_t size;
    } cases[] = {{"BF16", "\x80\x7f", 2}, {"BF16", "\xc0\xff", 2},        {"F16", "\x00\x7c", 2},
                 {"F16", "\x01\xfe", 2},  {"F32", "\x00\x00\x80\xff", 4}, {"F32", "\x01\x00\x80\x7f", 4}};
    for (const auto& c : cases) {
        const std::string end = std::to_string(3 * c.size);
        std::string bytes = container(wrapped(tensor_entry("a.weight", c.dtype, "[3]", "[0," + end + "]")), 3 * c.size);
        bytes.replace(bytes.size() - c.size, c.size, c.bits, c.size);
        const Safetensors file = Safetensors::open(folder.write("bad.safetensors", bytes));
        const Refusal refusal = refusal_of([&] { expect_finite(file.tensors()[0], file.file()); });
        CHECK(refusal.kind == "VALUE");
        CHECK(refusal.names("bad.safetensors: tensor \"a.weight\": element 2"));
    }
}

TEST_CASE("row 31: a safetensors file cut after it was opened is refused as TRUNC, without a signal") {
    const TempFolder folder;
    constexpr size_t kBytes = size_t{1} << 20;
    const std::string end = std::to_string(kBytes);
    const Path path = folder.write(
        "bad.safetensors", container(wrapped(tensor_entry("a", "U8", "[" + end + "]", "[0," + end + "]")), kBytes));
    const Safetensors file = Safetensors::open(path);
    std::filesystem::resize_file(path, kBytes / 2);
    size_t zeros = 0;
    for (const std::byte b : file.tensors()[0].bytes) zeros += b == std::byte{0};
    CHECK(zeros == kBytes);
    const Refusal refusal = refusal_of([&] { file.expect_intact(); });
    CHECK(refusal.kind == "TRUNC");
    CHECK(refusal.names(path.string()));
}

TEST_CASE("row 32: a folder, a FIFO, a device and a socket are no files to read") {
    const TempFolder folder;
    const Path fifo = folder.path() / "fifo", socket_path = folder.path() / "socket";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    socket_path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const Descriptor listener(socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    for (const Path& path : {folder.path(), fifo, Path("/dev/zero"), socket_path}) {
        CAPTURE(path.string());
        for (const Refusal& refusal :
             {refusal_of([&] { Safetensors::open(path); }), refusal_of([&] { read_file(path, 100); })}) {
            CHECK(refusal.kind == "PATH");
            CHECK(refusal.names(path.string()));
        }
    }
}

TEST_CASE("row 33: a file that is absent, behind a dangling link, or not readable is MISSING") {
    const TempFolder folder;
    const Path secret = folder.write("secret", "x"), link = folder.path() / "link";
    std::filesystem::create_symlink(folder.path() / "nowhere", link);
    std::filesystem::permissions(secret, std::filesystem::perms::none);
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    const bool root = geteuid() == 0;
    constexpr uid_t kNobody = 65534;   // root may read everything
    if (root) REQUIRE(seteuid(kNobody) == 0);
    std::vector<std::pair<Path, Refusal>> refusals;
    for (const Path& path : {secret, link, folder.path() / "absent"}) {
        refusals.emplace_back(path, refusal_of([&] { Safetensors::open(path); }));
        refusals.emplace_back(path, refusal_of([&] { parse_json_file(path, {}); }));
    }
    if (root) REQUIRE(seteuid(0) == 0);
    for (const auto& refused : refusals) {
        const std::string path = refused.first.string();
        CAPTURE(path);
        CHECK(refused.second.kind == "MISSING");
        CHECK(refused.second.names(path));
    }
}

TEST_CASE("row 31: a shard cut after the model was opened is refused as TRUNC") {
    const Sharded model;
    const ModelFiles files = ModelFiles::open(model.path());
    std::filesystem::resize_file(model.path() / "model-2.safetensors", 100);
    const Refusal refusal = refusal_of([&] { files.expect_intact(); });
    CHECK(refusal.kind == "TRUNC");
    CHECK(refusal.names("model-2.safetensors"));
}

TEST_CASE("rows 34-38: an index that does not tell the truth about its shards is refused") {
    CHECK(Sharded().refusal().kind.empty());
    const Sharded absent;
    std::filesystem::remove(absent.path() / "model-2.safetensors");
    CHECK(absent.refusal().kind == "MISSING");   // row 34
    const Sharded lacking;
    lacking.index(R"("a":"model-1.safetensors","b":"model-1.safetensors")", 16);
    CHECK(lacking.refusal().kind == "MISSING");   // row 35
    const Sharded swapped;
    swapped.index(R"("a":"model-2.safetensors","b":"model-1.safetensors")");
    CHECK(swapped.refusal().kind == "MISSING");
    const Sharded twice;
    twice.shard("model-2.safetensors", "a");
    CHECK(twice.refusal().kind == "DUP");   // row 37
    const Sharded unlisted;
    unlisted.index(R"("a":"model-1.safetensors")", 16);
    CHECK(unlisted.refusal().kind.empty());   // a shard that the index does not name is not opened
    unlisted.write("model-1.safetensors", small_container());
    CHECK(unlisted.refusal().kind == "EXTRA");
    const Sharded total;
    total.index(R"("a":"model-1.safetensors","b":"model-2.safetensors")", 33);
    CHECK(total.refusal().kind == "SCHEMA");   // row 38
    const Sharded mistyped;
    mistyped.index(R"("a":1)");
    CHECK(mistyped.refusal().kind == "SCHEMA");
    const Sharded empty;
    empty.index("", 0);
    CHECK(empty.refusal().kind == "SCHEMA");
}

TEST_CASE("row 36: a shard's name cannot lead out of the folder") {
    for (const char* name : {"../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "", ".", "..",
                             "model-1.bin", "..\\\\x.safetensors", "x\\u0000.safetensors"}) {
        CAPTURE(name);
        const Sharded model;
        model.index(std::string(R"("a":")") + name + "\"");
        CHECK(model.refusal().kind == "PATH");
    }
    const Sharded outside, linked;
    const Path shard = linked.path() / "model-2.safetensors";
    std::filesystem::remove(shard);
    std::filesystem::create_symlink(outside.path() / "model-2.safetensors", shard);
    CHECK(linked.refusal().kind == "PATH");
    std::filesystem::remove(shard);
    linked.shard("real.safetensors", "b");
    std::filesystem::create_symlink("real.safetensors", shard);
    CHECK(linked.refusal().kind.empty());
}

TEST_CASE("a snapshot of the hub's cache, whose files are links into its blobs, is read") {
    const TempFolder cache;
    const Path snapshot = cache.path() / "models--x" / "snapshots" / "0123",
               blobs = cache.path() / "models--x" / "blobs";
    std::filesystem::create_directories(snapshot);
    std::filesystem::create_directories(blobs);
    const Sharded model;
    for (const auto& entry : std::filesystem::directory_iterator(model.path())) {
        const Path file = entry.path().filename();
        std::filesystem::copy(entry.path(), blobs / file);
        std::filesystem::create_symlink(Path("../../blobs") / file, snapshot / file);
    }
    CHECK(ModelFiles::open(snapshot).names().size() == 2);
}

TEST_CASE("row 47: a folder with pickles only is UNSAFE, one with nothing MISSING") {
    const TempFolder folder;
    CHECK(refusal_of([&] { ModelFiles::open(folder.path()); }).kind == "MISSING");
    CHECK(refusal_of([&] { ModelFiles::open(folder.path() / "absent"); }).kind == "MISSING");
    folder.write("pytorch_model.bin", "x");
    const Refusal refusal = refusal_of([&] { ModelFiles::open(folder.path()); });
    CHECK(refusal.kind == "UNSAFE");
    CHECK(refusal.names("pytorch_model.bin"));
    CHECK(refusal.names("convert"));
}
