#include "engine/train/checkpoint_folder.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/engine/refusal.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

void commit(const Path& output, int64_t step) {
    CheckpointWriter writer(output, step);
    write_file(writer.folder() / "state", std::to_string(step));
    writer.commit({{"kind", "checkpoint"}, {"step", step}});
}

std::optional<int64_t> newest(const Path& output, size_t skipped_lines = 0) {
    std::vector<std::string> skipped;
    const auto checkpoint = newest_checkpoint(output, skipped);
    CHECK(skipped.size() == skipped_lines);
    return checkpoint ? std::optional(checkpoint->step) : std::nullopt;
}

bool is_own(std::string_view name) {
    return name == "adapter_model.safetensors";
}

std::vector<std::string> names(const Path& folder) {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
}

}   // namespace

TEST_CASE("a committed checkpoint is found, and the newest by number, not by name") {
    const TempFolder folder;
    CHECK_FALSE(newest(folder.path()));
    CHECK_FALSE(newest(folder.path() / "not there"));
    for (const int64_t step : {9, 10, 2}) commit(folder.path(), step);
    CHECK(newest(folder.path()) == 10);
    CHECK(checkpoint_steps(folder.path()) == std::vector<int64_t>{2, 9, 10});
    CHECK(names(folder.path()) == std::vector<std::string>{"checkpoint-10", "checkpoint-2", "checkpoint-9"});
}

TEST_CASE("a checkpoint that was not committed leaves nothing") {
    const TempFolder folder;
    { const CheckpointWriter writer(folder.path(), 3); }
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a damaged checkpoint is passed over with a line, unless it is named or of a newer format") {
    const TempFolder folder;
    commit(folder.path(), 1);
    commit(folder.path(), 2);
    commit(folder.path(), 3);
    fs::remove(folder.path() / "checkpoint-3" / "state");
    fs::resize_file(folder.path() / "checkpoint-2" / kManifestName, 40);
    CHECK(newest(folder.path(), 2) == 1);
    CHECK(refusal_of([&] { open_checkpoint(folder.path() / "checkpoint-3", ManifestCheck::kSizes); }).kind == "HASH");
    CHECK(refusal_of([&] { open_checkpoint(folder.path() / "checkpoint-2", ManifestCheck::kSizes); }).kind == "HASH");
    CHECK(refusal_of([&] { open_checkpoint(folder.path() / "none", ManifestCheck::kSizes); }).kind == "MISSING");
}

TEST_CASE("names that only look like checkpoints are none") {
    const TempFolder folder;
    for (const char* name : {"checkpoint-", "checkpoint-01", "checkpoint-1x", "checkpoint--1",
                             "checkpoint-9999999999999999999", ".tmp-checkpoint-4-1"})
        fs::create_directory(folder.path() / name);
    folder.write("checkpoint-5", "a file");
    CHECK(checkpoint_steps(folder.path()).empty());
}

TEST_CASE("rotation keeps the newest and the best") {
    const auto left = [](int64_t keep, std::optional<int64_t> best) {
        const TempFolder folder;
        for (const int64_t step : {1, 2, 3, 4}) commit(folder.path(), step);
        rotate_checkpoints(folder.path(), keep, best);
        CHECK(names(folder.path()).size() == checkpoint_steps(folder.path()).size());
        return checkpoint_steps(folder.path());
    };
    using Steps = std::vector<int64_t>;
    CHECK(left(2, {}) == Steps{3, 4});
    CHECK(left(1, {}) == Steps{4});
    CHECK(left(0, {}) == Steps{4});
    CHECK(left(9, {}) == Steps{1, 2, 3, 4});
    CHECK(left(2, 1) == Steps{1, 4});
    CHECK(left(2, 4) == Steps{3, 4});
    CHECK(left(1, 2) == Steps{2, 4});   // as Hugging Face's trainer does
    CHECK(left(3, 1) == Steps{1, 3, 4});
}

TEST_CASE("leftovers of kills are swept away, each with a line, and nothing else is") {
    const TempFolder folder;
    commit(folder.path(), 4);
    fs::create_directory(folder.path() / ".tmp-checkpoint-5-77");
    folder.write(".tmp-checkpoint-5-77/state", "half");
    fs::create_directory(folder.path() / ".trash-checkpoint-2");
    folder.write(".tmp-adapter_model.safetensors-77-0", "half");
    folder.write(".keep", "mine");
    CHECK(sweep_leftovers(folder.path(), is_own).size() == 3);
    CHECK(names(folder.path()) == std::vector<std::string>{".keep", "checkpoint-4"});
}

TEST_CASE("what a user has put into the folder stays there, whatever its name begins with") {
    const TempFolder folder;
    for (const char* name : {".tmp-notes", ".trash-mine", ".tmp-checkpoint-5", ".tmp-checkpoint-x-7",
                             ".trash-checkpoint-02", ".tmp-adapter_model.safetensors-77-0"}) {
        fs::create_directory(folder.path() / name);
        folder.write(std::string(name) + "/thesis", "mine");
    }
    for (const char* name : {".tmp-thesis.txt", ".tmp-thesis.txt-77-0", ".tmp-checkpoint-5-77", ".trash-checkpoint-2",
                             ".tmp-adapter_model.safetensors-77", ".tmp-adapter_model.safetensors-x-0"})
        folder.write(name, "mine");
    fs::create_symlink("thesis", folder.path() / ".tmp-adapter_model.safetensors-77-1");
    const std::vector<std::string> before = names(folder.path());
    CHECK(sweep_leftovers(folder.path(), is_own).empty());
    CHECK(names(folder.path()) == before);
}

TEST_CASE("checkpoints beyond a step are set aside, never over others") {
    const TempFolder folder;
    for (const int64_t step : {1, 2, 3}) commit(folder.path(), step);
    const SetAside aside = set_aside(folder.path(), 2, {});
    CHECK(aside.folder == folder.path() / "before-1");
    CHECK(aside.names == std::vector<std::string>{"checkpoint-3"});
    CHECK(checkpoint_steps(folder.path()) == std::vector<int64_t>{1, 2});
    CHECK(checkpoint_steps(folder.path() / "before-1") == std::vector<int64_t>{3});
    CHECK(set_aside(folder.path(), -1, {}).folder == folder.path() / "before-2");
    CHECK(set_aside(folder.path(), -1, {}).names.empty());
    CHECK_FALSE(fs::exists(folder.path() / "before-3"));
}

TEST_CASE("a folder that another process writes to is refused") {
    const TempFolder folder;
    const FolderLock lock(folder.path());
    const pid_t child = fork();
    if (child == 0) {
        // A lock belongs to the open folder, so a second one of the same process would be refused too.
        _exit(refusal_of([&] { const FolderLock second(folder.path()); }).kind == "STATE" ? 42 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
}

TEST_CASE("too little room on the disk is said before anything is written") {
    const TempFolder folder;
    expect_room(folder.path(), 1, "a test");
    CHECK_THROWS_AS(expect_room(folder.path(), int64_t{1} << 60, "a test"), DiskFull);
}
