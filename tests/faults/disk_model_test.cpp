// The model of a disk is right when it finds what is wrong: ways of saving with one mistake each, beside one without.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/faults/call_script.h"
#include "tests/faults/crash_states.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const std::string kOld = "the old one";
const std::string kNew(1500, 'n');   // three sectors

DiskModel disk_after(const CallScript& script, const Tree& start) {
    DiskModel disk(CallScript::kRoot, start);
    for (const FileCall& c : script.calls()) disk.apply(c);
    return disk;
}

// The first state in which `good` does not hold, or nothing.
std::string first_bad(const DiskModel& disk, const std::function<bool(const CrashState&)>& good) {
    std::string bad;
    for_each_crash_state(disk, {.exhaustive = 12, .random = 20}, [&](const CrashState& state) {
        if (!good(state)) bad = fmt::format("after {} calls: {}", state.calls, state.how);
        return bad.empty();
    });
    return bad;
}

std::string content(const Tree& tree, const std::string& path) {
    const auto file = tree.files.find(path);
    return file == tree.files.end() ? "nothing" : file->second;
}

// A file replaced by way of another name. `script` does it and ends when success is reported.
std::string replacing(const std::function<void(CallScript&)>& write) {
    CallScript script;
    write(script);
    const DiskModel disk = disk_after(script, {.folders = {}, .files = {{"result", kOld}}});
    return first_bad(disk, [&](const CrashState& state) {
        const std::string found = content(state.tree, "result");
        return state.calls == disk.calls() ? found == kNew : found == kNew || found == kOld;
    });
}

// A folder committed by its name while the one before it goes away.
std::string committing(const std::function<void(CallScript&)>& write) {
    CallScript script;
    write(script);
    const DiskModel disk = disk_after(script, {.folders = {"point-1"}, .files = {{"point-1/state", kOld}}});
    return first_bad(disk, [&](const CrashState& state) {
        const bool second = state.tree.folders.contains("point-2");
        const bool whole = content(state.tree, "point-2/state") == kNew;
        const bool first = content(state.tree, "point-1/state") == kOld;
        if (state.calls == disk.calls()) return whole;
        return second ? whole : first;
    });
}

void stage(CallScript& s) {
    s.make_folder(".tmp");
    const int file = s.create(".tmp/state");
    s.write(file, 0, kNew);
    s.sync(file);
    s.close(file);
}

}   // namespace

TEST_CASE("a file written beside, synced, renamed, its folder synced survives every power cut") {
    CHECK(replacing([](CallScript& s) {
              const int file = s.create(".tmp");
              s.reserve(file, 4096);
              s.write(file, 0, kNew);
              s.truncate(file, static_cast<int64_t>(kNew.size()));
              s.sync(file);
              s.rename(".tmp", "result");
              s.close(file);
              s.sync_folder("");
          }) == "");
}

TEST_CASE("a power cut finds each mistake in replacing a file") {
    CHECK(replacing([](CallScript& s) {   // not synced
              const int file = s.create(".tmp");
              s.write(file, 0, kNew);
              s.rename(".tmp", "result");
              s.sync_folder("");
          }) != "");
    CHECK(replacing([](CallScript& s) {   // synced after the rename
              const int file = s.create(".tmp");
              s.write(file, 0, kNew);
              s.rename(".tmp", "result");
              s.sync(file);
              s.sync_folder("");
          }) != "");
    CHECK(replacing([](CallScript& s) {   // the end written after the sync
              const int file = s.create(".tmp");
              s.write(file, 0, kNew.substr(0, 1024));
              s.sync(file);
              s.write(file, 1024, kNew.substr(1024));
              s.rename(".tmp", "result");
              s.sync_folder("");
          }) != "");
    CHECK(replacing([](CallScript& s) {   // reported before the folder is synced
              const int file = s.create(".tmp");
              s.write(file, 0, kNew);
              s.sync(file);
              s.rename(".tmp", "result");
          }) != "");
    CHECK(replacing([](CallScript& s) {   // the old one removed first
              const int file = s.create(".tmp");
              s.write(file, 0, kNew);
              s.sync(file);
              s.unlink("result");
              s.rename(".tmp", "result");
              s.sync_folder("");
          }) != "");
    CHECK(replacing([](CallScript& s) {   // in place
              const int file = s.open("result", O_WRONLY | O_TRUNC);
              s.write(file, 0, kNew);
              s.sync(file);
          }) != "");
    CHECK(replacing([](CallScript& s) {   // cut to its length after the sync
              const int file = s.create(".tmp");
              s.reserve(file, 4096);
              s.write(file, 0, kNew);
              s.sync(file);
              s.truncate(file, static_cast<int64_t>(kNew.size()));
              s.rename(".tmp", "result");
              s.sync_folder("");
          }) != "");
}

TEST_CASE("a folder filled, synced and renamed before the one before it is removed survives every power cut") {
    CHECK(committing([](CallScript& s) {
              stage(s);
              s.sync_folder(".tmp");
              s.rename(".tmp", "point-2");
              s.sync_folder("");
              s.rename("point-1", ".trash");
              s.sync_folder("");
              s.unlink(".trash/state");
              s.remove_folder(".trash");
          }) == "");
}

TEST_CASE("a power cut finds each mistake in committing a folder") {
    CHECK(committing([](CallScript& s) {   // its own names not synced
              stage(s);
              s.rename(".tmp", "point-2");
              s.sync_folder("");
          }) != "");
    CHECK(committing([](CallScript& s) {   // its name not synced
              stage(s);
              s.sync_folder(".tmp");
              s.rename(".tmp", "point-2");
          }) != "");
    CHECK(committing([](CallScript& s) {   // the one before it removed before the commit is durable
              stage(s);
              s.sync_folder(".tmp");
              s.rename(".tmp", "point-2");
              s.unlink("point-1/state");
              s.remove_folder("point-1");
              s.sync_folder("");
          }) != "");
    CHECK(committing([](CallScript& s) {   // filled under its final name
              s.make_folder("point-2");
              const int file = s.create("point-2/state");
              s.write(file, 0, kNew);
              s.sync(file);
              s.sync_folder("point-2");
              s.sync_folder("");
          }) != "");
}

TEST_CASE("unsynced sectors come and go apart from each other and from the length") {
    CallScript script;
    const int file = script.create("a");
    script.sync_folder("");
    script.write(file, 0, std::string(512, 'x') + std::string(100, 'y'));
    const DiskModel disk = disk_after(script, {});
    std::set<std::string> seen;
    for_each_crash_state(disk, {}, [&](const CrashState& state) {
        if (state.calls == disk.calls()) seen.insert(content(state.tree, "a"));
        return true;
    });
    const std::string zero(612, '\0'), x(512, 'x'), y(100, 'y');
    CHECK(seen == std::set<std::string>{"", zero, x + zero.substr(512), zero.substr(100) + y, x + y});
}

TEST_CASE("of two changes of one name the later never comes without the earlier") {
    CallScript script;
    script.make_folder("a");
    script.rename("a", "b");
    script.rename("b", "c");
    std::set<std::set<std::string>> seen;
    for_each_crash_state(disk_after(script, {}), {}, [&](const CrashState& state) {
        seen.insert(state.tree.folders);
        return true;
    });
    CHECK(seen == std::set<std::set<std::string>>{{}, {"a"}, {"b"}, {"c"}});
}

TEST_CASE("a folder of trees shows each tree as it is") {
    TreeFolder folder;
    const Tree first = {.folders = {"a", "a/b"}, .files = {{"a/b/c", "1"}, {"d", ""}}};
    const Tree second = {.folders = {"a"}, .files = {{"a/b", "2"}, {"a/c", "1"}}};
    for (const Tree& tree : {first, second, first}) {
        folder.become(tree);
        CHECK(tree_of(folder.path()) == tree);
    }
}
