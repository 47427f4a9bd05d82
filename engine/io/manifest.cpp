#include "engine/io/manifest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "engine/io/safetensors.h"
#include "engine/io/xxh3.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr JsonLimits kLimits = {.bytes = int64_t{64} << 20, .depth = 16, .values = int64_t{1} << 20};
constexpr std::string_view kRemedy = "use another checkpoint or copy of the folder";

[[noreturn]] void refuse(const std::string& where, std::string_view field, std::string_view what) {
    throw UserError("HASH", where, field, what, kRemedy);
}

// The blocks of a file in order. `take` returns whether to go on.
void for_each_block(const Path& path, int64_t bytes, const std::function<bool(uint64_t hash)>& take) {
    int64_t size = 0;
    const Descriptor file = open_regular_file(path, size);
    std::vector<std::byte> block(static_cast<size_t>(std::min(bytes, kManifestBlockBytes)));
    for (int64_t left = bytes; left > 0;) {
        const auto count = static_cast<size_t>(std::min(left, kManifestBlockBytes));
        read_all(file.get(), std::span(block).first(count), path);
        if (!take(xxh3(Bytes(block).first(count)))) return;
        left -= static_cast<int64_t>(count);
    }
}

// "tensor "a.weight"" for a byte of a safetensors file, or nothing where that cannot be told.
std::string tensor_at(const Path& path, int64_t first, int64_t last) {
    if (path.extension() != ".safetensors") return {};
    try {
        const Safetensors file = Safetensors::open(path);
        const std::byte* const begin = file.tensors().empty() ? nullptr : file.tensors().front().bytes.data();
        std::string names;
        const auto header = static_cast<int64_t>(std::filesystem::file_size(path)) - [&] {
            int64_t data = 0;
            for (const SafeTensor& t : file.tensors()) data += static_cast<int64_t>(t.bytes.size());
            return data;
        }();
        for (const SafeTensor& t : file.tensors()) {
            const int64_t at = header + (t.bytes.data() - begin);
            if (at < last && at + static_cast<int64_t>(t.bytes.size()) > first)
                return fmt::format(" from tensor {}", in_quotes(t.name));
        }
    } catch (const UserError&) {
    }
    return {};
}

void expect_contents(const Path& path, const ManifestFile& file) {
    size_t index = 0;
    for_each_block(path, file.bytes, [&](uint64_t hash) {
        if (hash == file.blocks[index]) return ++index, true;
        const int64_t first = static_cast<int64_t>(index) * kManifestBlockBytes;
        const int64_t last = std::min(first + kManifestBlockBytes, file.bytes);
        refuse(path.string(), fmt::format("bytes {} to {}{}", first, last, tensor_at(path, first, last)),
               "have changed since they were written");
    });
}

void expect_plain_name(const std::string& name, const std::string& where) {
    const bool plain = !name.empty() && name != "." && name != ".." && name != kManifestName &&
                       name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
    if (!plain) throw UserError("PATH", where, "files", in_quotes(name) + " is no name of a file", kRemedy);
}

std::string closing(std::string_view text) {
    return fmt::format(",\n  \"xxh3\": \"{}\"\n}}\n", hash_text(xxh3(text)));
}

// The hashes go by one by one: the manifest of a large checkpoint holds nothing else. The first that is none is known
// by its field; it is refused when the format is known.
struct HashReader {
    std::map<std::string, ManifestFile>& files;
    std::string bad;

    void take(const JsonItem& item) {
        constexpr size_t kDigits = 16;
        const std::string name(item.keys[1]);
        const auto* text = item.value.get_ptr<const std::string*>();
        if (text != nullptr && text->size() == kDigits &&
            text->find_first_not_of("0123456789abcdef") == std::string::npos)
            files[name].blocks.push_back(std::stoull(*text, nullptr, 16));
        else if (bad.empty())
            bad = fmt::format("files.{}.xxh3[{}]", name, item.index);
    }
};

}   // namespace

int64_t Manifest::bytes() const {
    int64_t sum = 0;
    for (const auto& [name, file] : files) sum += file.bytes;
    return sum;
}

Manifest make_manifest(const Path& folder, Json facts) {
    Manifest manifest = {.facts = std::move(facts), .files = {}};
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename();
        if (name == kManifestName || !entry.is_regular_file()) continue;
        ManifestFile& file = manifest.files[name];
        file.bytes = static_cast<int64_t>(entry.file_size());
        for_each_block(entry.path(), file.bytes, [&](uint64_t hash) { return file.blocks.push_back(hash), true; });
    }
    return manifest;
}

void write_manifest(const Path& folder, const Manifest& manifest) {
    OrderedJson files = OrderedJson::object();
    for (const auto& [name, file] : manifest.files) {
        OrderedJson hashes = OrderedJson::array();
        for (const uint64_t hash : file.blocks) hashes.push_back(hash_text(hash));
        files[name] = {{"bytes", file.bytes}, {"xxh3", hashes}};
    }
    const OrderedJson body = {
        {"format", kManifestFormat}, {"facts", OrderedJson::parse(manifest.facts.dump())}, {"files", files}};
    constexpr int kIndent = 2;
    std::string text = body.dump(kIndent, ' ', true);
    text.resize(text.size() - 2);   // without "\n}"
    text += closing(text);
    write_file(folder / kManifestName, text);
}

Manifest parse_manifest(std::string_view text, const std::string& where) {
    const size_t tail = closing({}).size();
    if (text.size() < tail || text.substr(text.size() - tail) != closing(text.substr(0, text.size() - tail)))
        refuse(where, "", "is cut or changed: its own hash does not fit");
    Manifest manifest;
    HashReader hashes = {.files = manifest.files, .bad = {}};
    Json json =
        parse_json(text, where, kLimits,
                   {{"files.*.xxh3", JsonPart::Type::kArray, [&](const JsonItem& item) { hashes.take(item); }}});
    const JsonField root(json, where, "");
    if (const int64_t format = root.at("format").integer(0, INT64_MAX); format > kManifestFormat)
        throw UserError("VERSION", where, "format",
                        fmt::format("is {}, this llmft reads up to {}", format, kManifestFormat), "use a newer llmft");
    if (!hashes.bad.empty()) throw UserError("SCHEMA", where, hashes.bad, "is no hash", kRemedy);
    root.at("facts").expect_object();
    root.at("files").expect_object();
    for (const auto& [name, entry] : json.at("files").items()) {
        expect_plain_name(name, where);
        const JsonField field(entry, where, "files." + name);
        ManifestFile& file = manifest.files[name];
        file.bytes = field.at("bytes").integer(0, INT64_MAX - kManifestBlockBytes);
        const JsonField list = field.at("xxh3");
        list.items();   // an array
        const auto wanted = (file.bytes + kManifestBlockBytes - 1) / kManifestBlockBytes;
        if (static_cast<int64_t>(file.blocks.size()) != wanted)
            list.refuse("SCHEMA", fmt::format("has {} hashes for {}", file.blocks.size(), byte_count_text(file.bytes)),
                        kRemedy);
    }
    manifest.facts = std::move(json.at("facts"));
    return manifest;
}

Manifest read_manifest(const Path& folder) {
    const Path path = folder / kManifestName;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) refuse(path.string(), "", "is not there: the folder is not whole");
    return parse_manifest(read_file(path, kLimits.bytes), path.string());
}

void expect_files(const Path& folder, const Manifest& manifest, ManifestCheck check) {
    for (const auto& [name, file] : manifest.files) {
        const Path path = folder / name;
        std::error_code error;
        const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
        if (error) refuse(path.string(), "", "is not there: " + error.message());
        if (size != file.bytes)
            refuse(path.string(), "length", fmt::format("is {}, {} were written", byte_count_text(size), file.bytes));
        if (check == ManifestCheck::kContents) expect_contents(path, file);
    }
}

}   // namespace llmft
