// Rows 1 to 13, 24 to 29, 47 and 48: files of weights that are no good safetensors.
#include "tests/engine/safetensors_bytes.h"
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kQ = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kNorm = "model.norm.weight";

// A zip of one stored file: enough for a reader that guesses by the first bytes, or by the last.
std::string zip(const std::string& name, const std::string& content) {
    const auto number = [](size_t value, size_t bytes) { return length_prefix(value).substr(0, bytes); };
    const std::string sizes = number(0, 4) + number(content.size(), 4) + number(content.size(), 4);
    const std::string common = std::string("\x14\0\0\0\0\0\0\0\0\0", 10) + sizes + number(name.size(), 2);
    const std::string local = "PK\x03\x04" + common + number(0, 2) + name + content;
    const std::string central = std::string("PK\x01\x02\x14\0", 6) + common + std::string(16, '\0') + name;
    return local + central + std::string("PK\x05\x06\0\0\0\0\x01\0\x01\0", 12) + number(central.size(), 4) +
           number(local.size(), 4) + number(0, 2);
}

void rename_norm(const Scene& s, const std::string& name) {
    s.header([&](Json& h) {
        h[name] = h[kNorm];
        h.erase(kNorm);
    });
}

const BadCase kLengths[] = {
    {1, "an empty file", "TRUNC", "model.safetensors", [](Scene& s) { put(s.weights(), ""); }},
    {2, "7 bytes", "TRUNC", "model.safetensors", [](Scene& s) { put(s.weights(), "1234567"); }},
    {3, "a header longer than the file", "TRUNC", "model.safetensors",
     [](Scene& s) { put(s.weights(), length_prefix(11) + "{}"); }},
    {4, "a header of 2^63 bytes", "LIMIT", "model.safetensors",
     [](Scene& s) { put(s.weights(), length_prefix(uint64_t{1} << 63) + "{}"); }},
    {6, "a header of no bytes", "SYNTAX", "model.safetensors", [](Scene& s) { put(s.weights(), length_prefix(0)); }},
    {24, "bytes behind the last tensor", "LAYOUT", "model.safetensors",
     [](Scene& s) { put(s.weights(), bytes_of(s.weights()) + "PK"); }},
    {25, "data cut by 2 bytes", "TRUNC", "model.safetensors",
     [](Scene& s) { fs::resize_file(s.weights(), fs::file_size(s.weights()) - 2); }},
    {25, "data cut in half", "TRUNC", "model.safetensors",
     [](Scene& s) { fs::resize_file(s.weights(), fs::file_size(s.weights()) / 2); }},
    {4, "bits without any sense", "LIMIT", "model.safetensors",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         for (char& c : b) c = static_cast<char>(c ^ 0xa5);
         put(s.weights(), b);
     }},
    {3, "a header one byte longer than the file", "TRUNC", "model.safetensors",
     [](Scene& s) {
         put(s.weights(), length_prefix(fs::file_size(s.weights()) + 1) + bytes_of(s.weights()).substr(8));
     }},
    {4, "a header of 2^64-1 bytes", "LIMIT", "model.safetensors",
     [](Scene& s) { put(s.weights(), length_prefix(~uint64_t{0}) + bytes_of(s.weights()).substr(8)); }},
    {5, "a header of more than 100 million bytes, which are there", "LIMIT", "model.safetensors",
     [](Scene& s) {
         put(s.weights(), length_prefix(100'000'001));
         fs::resize_file(s.weights(), 100'100'000);
     }},
    {24, "a zip behind the last tensor", "LAYOUT", "model.safetensors",
     [](Scene& s) { put(s.weights(), bytes_of(s.weights()) + zip("evil.py", "import os")); }},
    {47, "a pickle that is called safetensors", "UNSAFE", "model.safetensors",
     [](Scene& s) { put(s.weights(), std::string_view("\x80\x02}q\x00X\x05\x00\x00\x00model", 15)); }},
    {47, "a zip of a pickle that is called safetensors", "UNSAFE", "model.safetensors",
     [](Scene& s) { put(s.weights(), zip("archive/data.pkl", "\x80\x02.")); }},
    {0, "a git-lfs pointer", "SYNTAX", "model.safetensors: is a git-lfs pointer, not the file; run git lfs pull",
     [](Scene& s) { put(s.weights(), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"); }},
    {0, "a web page", "SYNTAX", "model.safetensors: is a web page",
     [](Scene& s) { put(s.weights(), "\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"); }},
    {48, "a zip bomb", "SYNTAX", "model.safetensors",
     [](Scene& s) { put(s.weights(), zip("zeros.txt", std::string(100'000, '\0'))); }},
    {47, "a pickle instead", "UNSAFE", "pytorch_model.bin",
     [](Scene& s) { fs::rename(s.weights(), s.model() / "pytorch_model.bin"); }},
};

const BadCase kHeaders[] = {
    {7, "a header that is no UTF-8", "ENCODING", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h[3] = '\xff'; }); }},
    {9, "a header that is an array", "SCHEMA", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "[]"; }); }},
    {10, "words behind the header's end", "SYNTAX", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h += "x"; }); }},
    {11, "a tensor twice", "DUP", kNorm,
     [](Scene& s) {
         s.header_text(
             [](auto& h) { h.insert(1, R"("model.norm.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"); });
     }},
    {12, "a field twice", "DUP", "shape",
     [](Scene& s) { s.header_text([](auto& h) { h.replace(h.find("\"shape\""), 7, "\"shape\":[1],\"shape\""); }); }},
    {13, "no dtype", "SCHEMA", "dtype", [](Scene& s) { s.header([](Json& h) { h[kQ].erase("dtype"); }); }},
    {13, "no shape", "SCHEMA", "shape", [](Scene& s) { s.header([](Json& h) { h[kQ].erase("shape"); }); }},
    {13, "no offsets", "SCHEMA", "data_offsets",
     [](Scene& s) { s.header([](Json& h) { h[kQ].erase("data_offsets"); }); }},
    {26, "metadata of metadata", "SCHEMA", "__metadata__",
     [](Scene& s) { s.header([](Json& h) { h["__metadata__"]["a"] = Json::object(); }); }},
    {27, "a name with a line break and an escape", "ENCODING", "model.safetensors",
     [](Scene& s) {
         s.header([](Json& h) {
             h["a\n\x1b[31m"] = h[kQ];
             h.erase(kQ);
         });
     }},
    {28, "a lone surrogate in a name", "ENCODING", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h.insert(2, "\\ud800"); }); }},
    {29, "deep nesting", "LIMIT", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "{\"a\":" + std::string(10000, '['); }); }},
    {7, "0xFF in the name of a tensor", "ENCODING", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h.replace(h.find(kNorm), 1, "\xff"); }); }},
    {8, "an opening brace alone", "SYNTAX", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "{"; }); }},
    {9, "a header that is a text", "SCHEMA", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "\"x\""; }); }},
    {9, "a header that is null", "SCHEMA", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h = "null"; }); }},
    {10, "a NUL behind the header's end", "SYNTAX", "model.safetensors",
     [](Scene& s) { s.header_text([](auto& h) { h += '\0'; }); }},
    {27, "a name with an escape sequence", "ENCODING", "\\x1b[31m", [](Scene& s) { rename_norm(s, "\x1b[31m"); }},
    {27, "a name with a NUL", "ENCODING", "\\x00", [](Scene& s) { rename_norm(s, std::string(1, '\0')); }},
    {27, "a name of 1 MB", "LIMIT", "model.safetensors", [](Scene& s) { rename_norm(s, std::string(1'000'000, 'n')); }},
    {29, "objects 10 000 deep", "LIMIT", "model.safetensors",
     [](Scene& s) {
         s.header_text([](auto& h) {
             h.clear();
             for (int i = 0; i < 10'000; ++i) h += "{\"a\":";
             h += "1" + std::string(10'000, '}');
         });
     }},
};

}   // namespace

std::span<const BadCase> bad_lengths() {
    return kLengths;
}
std::span<const BadCase> bad_headers() {
    return kHeaders;
}

}   // namespace llmft::test
