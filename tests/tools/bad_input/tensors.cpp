// Rows 14 to 23, 30, 32, 33, 45 and 46: tensors that do not fit their file or the model, and weights that are no file.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "engine/io/file.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kQ = "model.layers.0.self_attn.q_proj.weight";

// The text of kQ's shape, as it is.
void extents(const Scene& s, const std::string& text) {
    s.header_text([&](std::string& h) {
        const size_t begin = h.find('[', h.find("\"shape\"", h.find(kQ))) + 1;
        h.replace(begin, h.find(']', begin) - begin, text);
    });
}

// Zeros in f16 instead of the weights, but for the last number.
void as_f16(const Scene& s, std::string_view last) {
    size_t bytes = 0;
    s.header([&](Json& h) {
        for (auto& [name, tensor] : h.items()) {
            if (name == "__metadata__") continue;
            tensor["dtype"] = "F16";
            for (Json& offset : tensor["data_offsets"]) {
                offset = offset.get<size_t>() / 2;
                bytes = std::max(bytes, offset.get<size_t>());
            }
        }
    });
    const std::string file = bytes_of(s.weights());
    const size_t data = file.size() - 2 * bytes;
    put(s.weights(), file.substr(0, data) + std::string(bytes - 2, '\0') + std::string(last));
}

const BadCase kShapes[] = {
    {14, "an unknown dtype", "DTYPE", kQ, [](Scene& s) { s.header([](Json& h) { h[kQ]["dtype"] = "F33"; }); }},
    {14, "integers as weights", "DTYPE", kQ, [](Scene& s) { s.header([](Json& h) { h[kQ]["dtype"] = "I32"; }); }},
    {15, "a negative extent", "SCHEMA", kQ, [](Scene& s) { s.header([](Json& h) {
                                                               h[kQ]["shape"] = {-48, -48};
                                                           }); }},
    {15, "an extent with a point", "SCHEMA", kQ,
     [](Scene& s) { s.header([](Json& h) {
                        h[kQ]["shape"] = {48.0, 48};
                    }); }},
    {16, "a shape that wraps around", "OVERFLOW", kQ,
     [](Scene& s) { s.header([](Json& h) {
                        h[kQ]["shape"] = {4, int64_t{1} << 62};
                    }); }},
    {18, "rank 9", "LIMIT", kQ,
     [](Scene& s) { s.header([](Json& h) { h[kQ]["shape"] = {48, 48, 1, 1, 1, 1, 1, 1, 1}; }); }},
    {19, "bytes that are not the shape's", "LAYOUT", kQ,
     [](Scene& s) { s.header([](Json& h) {
                        h[kQ]["shape"] = {48, 47};
                    }); }},
    {20, "end before begin", "LAYOUT", kQ,
     [](Scene& s) { s.header([](Json& h) { std::swap(h[kQ]["data_offsets"][0], h[kQ]["data_offsets"][1]); }); }},
    {21, "overlapping tensors", "LAYOUT", "model.layers",
     [](Scene& s) {
         s.header([](Json& h) { h["model.layers.1.self_attn.q_proj.weight"]["data_offsets"] = h[kQ]["data_offsets"]; });
     }},
    {23, "a hole, for a tensor was taken out", "LAYOUT", "model.safetensors",
     [](Scene& s) { s.header([](Json& h) { h.erase(kQ); }); }},
    {45, "a transposed weight", "SHAPE", "down_proj",
     [](Scene& s) { s.header([](Json& h) {
                        h["model.layers.0.mlp.down_proj.weight"]["shape"] = {80, 48};
                    }); }},
    {46, "a tensor of an unknown name", "EXTRA", "model.norm.wait",
     [](Scene& s) {
         s.header([](Json& h) {
             h["model.norm.wait"] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", h[kQ]["data_offsets"]}};
             h["model.norm.wait"]["data_offsets"][1] = h[kQ]["data_offsets"][0];
         });
     }},
    {14, "complex numbers", "DTYPE", kQ, [](Scene& s) { s.header([](Json& h) { h[kQ]["dtype"] = "C64"; }); }},
    {15, "an extent of 1e3", "SCHEMA", kQ, [](Scene& s) { extents(s, "1e3"); }},
    {15, "an extent with a leading zero", "SYNTAX", "model.safetensors", [](Scene& s) { extents(s, "048,48"); }},
    {15, "an extent that is text", "SCHEMA", kQ, [](Scene& s) { extents(s, "\"48\",48"); }},
    {16, "a shape of 2 x 2^63", "OVERFLOW", kQ, [](Scene& s) { extents(s, "2,9223372036854775808"); }},
    {17, "bytes that wrap around, of elements that do not", "OVERFLOW", kQ,
     [](Scene& s) { extents(s, "4611686018427387908"); }},
    {18, "rank 100 000", "LIMIT", kQ,
     [](Scene& s) {
         std::string ones = "48,48";
         for (int i = 0; i < 99'998; ++i) ones += ",1";
         extents(s, ones);
     }},
    {22, "100 000 tensors on the same bytes", "LAYOUT", "model.safetensors",
     [](Scene& s) {
         std::string header = "{";
         for (int i = 0; i < 100'000; ++i)
             header += (i ? "," : "") + tensor_entry("t" + std::to_string(i), "F32", "[40000]", "[0,160000]");
         put(s.weights(), container(header + "}", 160'000));
     }},
};

const BadCase kValues[] = {
    {30, "a NaN among the weights", "VALUE", "weight",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         b.replace(b.size() - 4, 4, "\x00\x00\xc0\x7f", 4);
         put(s.weights(), b);
     }},
    {30, "an infinity among the weights", "VALUE", "weight",
     [](Scene& s) {
         std::string b = bytes_of(s.weights());
         b.replace(b.size() - 400, 4, "\x00\x00\x80\x7f", 4);
         put(s.weights(), b);
     }},
    {30, "a NaN among bf16 weights", "VALUE", "model-0000",
     [](Scene& s) {
         shard(s, [](Json&) {});
         const Path file = s.model() / "model-00001-of-00004.safetensors";
         std::string b = bytes_of(file);
         put(file, b.replace(b.size() - 2, 2, "\xc0\x7f"));
     }},
    {30, "an infinity among bf16 weights", "VALUE", "model-0000",
     [](Scene& s) {
         shard(s, [](Json&) {});
         const Path file = s.model() / "model-00002-of-00004.safetensors";
         std::string b = bytes_of(file);
         put(file, b.replace(b.size() - 2, 2, "\x80\xff"));
     }},
    {30, "a NaN among f16 weights", "VALUE", "weight", [](Scene& s) { as_f16(s, "\x01\x7e"); }},
    {30, "an infinity among f16 weights", "VALUE", "weight",
     [](Scene& s) { as_f16(s, std::string_view("\x00\xfc", 2)); }},
};

const BadCase kPaths[] = {
    {33, "no weights", "MISSING", "model.safetensors", [](Scene& s) { fs::remove(s.weights()); }},
    {32, "weights that are a folder", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         fs::create_directory(s.weights());
     }},
    {32, "weights that are a pipe", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         mkfifo(s.weights().c_str(), 0600);
     }},
    {33, "weights that lead nowhere", "MISSING", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         fs::create_symlink("nowhere", s.weights());
     }},
    {32, "weights that are /dev/zero", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         fs::create_symlink("/dev/zero", s.weights());
     }},
    {33, "a tokenizer_config.json that leads nowhere", "MISSING", "tokenizer_config.json: is a link to nothing",
     [](Scene& s) { fs::create_symlink("nowhere", s.model() / "tokenizer_config.json"); }},
    {33, "a merges.txt that leads nowhere", "MISSING", "merges.txt",
     [](Scene& s) { fs::create_symlink("nowhere", s.model() / "merges.txt"); }},
    {32, "a generation_config.json that is a folder", "PATH", "generation_config.json",
     [](Scene& s) { fs::create_directory(s.model() / "generation_config.json"); }},
    {32, "a tokenizer.json that is a pipe", "PATH", "tokenizer.json",
     [](Scene& s) { mkfifo((s.model() / "tokenizer.json").c_str(), 0600); }},
    {33, "a config.json that leads nowhere", "MISSING", "config.json: is a link to nothing",
     [](Scene& s) {
         fs::remove(s.model() / "config.json");
         fs::create_symlink("nowhere", s.model() / "config.json");
     }},
    {32, "weights that are a socket", "PATH", "model.safetensors",
     [](Scene& s) {
         fs::remove(s.weights());
         sockaddr_un address = {};
         address.sun_family = AF_UNIX;
         s.weights().string().copy(address.sun_path, sizeof address.sun_path - 1);
         const Descriptor listener(socket(AF_UNIX, SOCK_STREAM, 0));
         REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
     }},
};

}   // namespace

std::span<const BadCase> bad_shapes() {
    return kShapes;
}
std::span<const BadCase> bad_values() {
    return kValues;
}
std::span<const BadCase> bad_paths() {
    return kPaths;
}

}   // namespace llmft::test
