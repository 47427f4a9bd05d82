// Folders that are there whole or not at all.
#include <doctest/doctest.h>

#include "engine/log/log.h"
#include "tests/harness/temp_folder.h"
#include "tools/output_folder.h"

using namespace llmft;

TEST_CASE("a staged folder removes what killed runs left of the same target, and nothing else") {
    const test::TempFolder folder;
    for (const char* name : {".merged.17", ".merged.18", ".merged.old", ".other.17"}) {
        std::filesystem::create_directory(folder.path() / name);
        folder.write(std::string(name) + "/model.safetensors", "half");
    }
    const FolderLock other_run(folder.path() / ".merged.18");
    {
        StagedFolder staged(folder.path() / "merged", "--output");
        CHECK(std::filesystem::is_directory(staged.path()));
        CHECK_FALSE(std::filesystem::exists(folder.path() / ".merged.17"));
        for (const char* kept : {".merged.18", ".merged.old", ".other.17"})
            CHECK(std::filesystem::exists(folder.path() / kept / "model.safetensors"));
        StagedFolder second(folder.path() / "merged2", "--output");
        CHECK(std::filesystem::is_directory(staged.path()));
    }
    CHECK_FALSE(std::filesystem::exists(folder.path() / "merged"));
    log::drop();
}
