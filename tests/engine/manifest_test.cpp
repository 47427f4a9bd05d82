#include "engine/io/manifest.h"

#include <doctest/doctest.h>

#include <fstream>

#include "engine/io/xxh3.h"
#include "tests/engine/refusal.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr size_t kBlock = size_t{4} << 20;

std::string pattern(size_t bytes) {
    std::string text(bytes, 'a');
    for (size_t i = 0; i < bytes; i += 101) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

// A folder of three files, one of more than two blocks, and its manifest.
class Sealed {
public:
    Sealed() {
        folder_.write("big.bin", pattern(2 * kBlock + 5));
        folder_.write("empty.txt", "");
        folder_.write("small.safetensors", small_container());
        write_manifest(path(), make_manifest(path(), {{"kind", "test"}, {"step", 3}}));
    }
    const Path& path() const { return folder_.path(); }
    Refusal check() const {
        return refusal_of([&] { expect_files(path(), read_manifest(path()), ManifestCheck::kContents); });
    }
    void flip(const char* name, int64_t at) const {
        std::fstream file(path() / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(at);
        const auto byte = static_cast<char>(file.get() ^ 0x10);
        file.seekp(at);
        file.put(byte);
    }

private:
    TempFolder folder_;
};

std::string text_of(const Path& file) {
    return read_file(file, 1 << 20);
}

}   // namespace

TEST_CASE("XXH3-64 is xxHash's, whole and in pieces") {
    CHECK(hash_text(xxh3(std::string_view())) == "2d06800538d394c2");   // xxHash 0.8: xxhsum -H3 of nothing
    const std::string text = pattern(100'000);
    Xxh3 pieces;
    for (size_t at = 0; at < text.size(); at += 777) pieces.add(std::string_view(text).substr(at, 777));
    CHECK(pieces.digest() == xxh3(text));
}

TEST_CASE("a manifest reads back as it was written, and its folder is good") {
    const Sealed sealed;
    const Manifest manifest = read_manifest(sealed.path());
    CHECK(manifest.facts == Json{{"kind", "test"}, {"step", 3}});
    REQUIRE(manifest.files.size() == 3);
    CHECK(manifest.files.at("big.bin").bytes == 2 * kBlock + 5);
    CHECK(manifest.files.at("big.bin").blocks.size() == 3);
    CHECK(manifest.files.at("big.bin").blocks[1] ==
          xxh3(std::string_view(pattern(2 * kBlock + 5)).substr(kBlock, kBlock)));
    CHECK(manifest.files.at("empty.txt").blocks.empty());
    CHECK(sealed.check().kind == "");
}

TEST_CASE("a file that is missing, short, long or changed is HASH and named") {
    const auto spoiled = [](const auto& spoil) {
        const Sealed sealed;
        spoil(sealed);
        return sealed.check();
    };
    const Refusal missing = spoiled([](const Sealed& s) { std::filesystem::remove(s.path() / "empty.txt"); });
    CHECK(missing.kind == "HASH");
    CHECK(missing.names("empty.txt"));
    const Refusal shorter = spoiled([](const Sealed& s) { std::filesystem::resize_file(s.path() / "big.bin", 7); });
    CHECK(shorter.kind == "HASH");
    CHECK(shorter.names("big.bin"));
    CHECK(spoiled([](const Sealed& s) { std::ofstream(s.path() / "big.bin", std::ios::app) << "x"; }).kind == "HASH");
    const Refusal flipped = spoiled([](const Sealed& s) { s.flip("big.bin", kBlock + 9); });
    CHECK(flipped.kind == "HASH");
    CHECK(flipped.names("bytes 4194304 to 8388608"));
    CHECK(is_one_line(flipped.text));
    const Refusal tensor = spoiled(
        [](const Sealed& s) { s.flip("small.safetensors", static_cast<int64_t>(small_container().size()) - 1); });
    CHECK(tensor.kind == "HASH");
    CHECK(tensor.names("from tensor"));
}

TEST_CASE("every changed bit, every cut and every addition of a manifest is HASH") {
    const Sealed sealed;
    const std::string good = text_of(sealed.path() / kManifestName);
    const auto kind = [](const std::string& text) {
        return refusal_of([&] { parse_manifest(text, "manifest.json"); }).kind;
    };
    REQUIRE(kind(good) == "");
    int accepted = 0;
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        accepted += kind(bad) != "HASH";
    }
    for (size_t length = 0; length < good.size(); ++length) accepted += kind(good.substr(0, length)) != "HASH";
    CHECK(accepted == 0);
    CHECK(kind(good + "\n") == "HASH");
    std::filesystem::remove(sealed.path() / kManifestName);
    CHECK(sealed.check().kind == "HASH");
}

TEST_CASE("a manifest of a newer format, or with a name that leaves the folder, is refused though its hash is right") {
    const Sealed sealed;
    const auto resealed = [&](const std::string& from, const std::string& to) {
        std::string text = text_of(sealed.path() / kManifestName);
        text.replace(text.find(from), from.size(), to);
        text.resize(text.rfind(",\n  \"xxh3\""));
        text += ",\n  \"xxh3\": \"" + hash_text(xxh3(text)) + "\"\n}\n";
        return refusal_of([&] { parse_manifest(text, "manifest.json"); });
    };
    CHECK(resealed("\"format\": 1", "\"format\": 2").kind == "VERSION");
    CHECK(resealed("empty.txt", "../empty.txt").kind == "PATH");
    CHECK(resealed("empty.txt", "/empty.txt").kind == "PATH");
    CHECK(resealed("empty.txt", "..").kind == "PATH");
    CHECK(resealed("\"bytes\": 0", "\"bytes\": -1").kind == "RANGE");
    CHECK(resealed("\"bytes\": 0", "\"bytes\": 1").kind == "SCHEMA");
    CHECK(resealed("\"facts\": {", "\"fact\": {").kind == "SCHEMA");
}
