// manifest.json: the list of a folder's files with their hashes, written last, so that a folder which has a good one is
// whole. It is JSON whose last member covers everything before it:
//
//   {
//     "format": 1,
//     "facts": {…},                                                   what the writer says of the folder
//     "files": {"NAME": {"bytes": n, "xxh3": ["16 hex digits", …]}},  XXH3-64 of each block of 4 MiB
//     "xxh3": "16 hex digits"                                         of all bytes before the comma in front of it
//   }
//
// Errors of reading: UserError HASH (missing, cut, changed; the file that it lists is missing, short, long or changed),
// VERSION (a newer format), SCHEMA and the like where the hash is right and the content is not.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/io/json.h"

namespace llmft {

constexpr const char* kManifestName = "manifest.json";
constexpr int64_t kManifestFormat = 1;
constexpr int64_t kManifestBlockBytes = int64_t{4} << 20;

struct ManifestFile {
    int64_t bytes = 0;
    std::vector<uint64_t> blocks;
};

struct Manifest {
    Json facts;
    std::map<std::string, ManifestFile> files;   // by name: in the folder itself

    int64_t bytes() const;   // of all files
};

// Of every file that lies in the folder now, but for a manifest: reads them.
Manifest make_manifest(const Path& folder, Json facts);
void write_manifest(const Path& folder, const Manifest&);
Manifest read_manifest(const Path& folder);
// The same from the text of a manifest; `where` is what errors call it.
Manifest parse_manifest(std::string_view text, const std::string& where);

enum class ManifestCheck : uint8_t { kSizes, kContents };
// That the folder's files are what the manifest says. A block that differs is named with the tensor it lies in.
void expect_files(const Path& folder, const Manifest&, ManifestCheck);

}   // namespace llmft
