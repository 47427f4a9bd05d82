// The fuzz targets over their seeds, in every kind of build: what was found once stays found.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "engine/io/file.h"
#include "tests/fuzz/memory_bound.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/allocations.h"
#include "tests/harness/paths.h"

using namespace llmft;

namespace {

std::vector<Path> seeds_of(const fuzz::Target& target) {
    std::vector<Path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(test::source_dir() / "tests/fuzz/corpus" / target.name))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

}   // namespace

TEST_CASE("every fuzz target reads or refuses its seeds, within four times their bytes and 16 MiB") {
    for (const fuzz::Target& target : fuzz::kTargets) {
        const std::vector<Path> seeds = seeds_of(target);
        CHECK(seeds.size() >= 10);
        for (const Path& seed : seeds) {
            const std::string name = seed.string();
            CAPTURE(name);
            const std::string bytes = read_file(seed, int64_t{1} << 24);
            const int64_t peak = test::peak_bytes([&] { target.read(bytes); });
            CHECK(peak <= fuzz::most_bytes(target.name, bytes.size()));
        }
    }
}
