#include "engine/io/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>

#include "engine/io/mapped_file.h"
#include "tests/engine/refusal.h"
#include "tests/harness/skip.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

int64_t entries_of(const Path& folder) {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

std::string content_of(const Path& path) {
    return read_file(path, int64_t{1} << 20);
}

}   // namespace

TEST_CASE("read_file gives every byte of a file up to its limit and refuses one byte more") {
    const TempFolder folder;
    const std::string bytes("a\0b\r\n\xff", 6);
    const Path path = folder.write("bytes", bytes);
    CHECK(read_file(path, 6) == bytes);
    const Refusal refusal = refusal_of([&] { read_file(path, 5); });
    CHECK(refusal.kind == "LIMIT");
    CHECK(refusal.names(path.string()));
    CHECK(read_file(folder.write("empty", ""), 0).empty());
}

TEST_CASE("a mapped file has the file's bytes, and an empty one has none") {
    const TempFolder folder;
    const std::string bytes = "weights";
    const MappedFile mapped(folder.write("bytes", bytes));
    CHECK(std::string(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()) == bytes);
    CHECK(MappedFile(folder.write("empty", "")).bytes().empty());
    CHECK_NOTHROW(mapped.expect_intact());
}

TEST_CASE("a file that cannot be mapped, as those of sysfs, is refused") {
    const Path path = "/sys/devices/system/cpu/online";
    if (!std::filesystem::exists(path)) return skip("no sysfs");
    const Refusal refusal = refusal_of([&] { const MappedFile mapped(path); });
    CHECK(refusal.kind == "PATH");
    CHECK(refusal.names("cannot be mapped"));
}

TEST_CASE("a file that ends before what was to be read of it is TRUNC") {
    const TempFolder folder;
    const Path path = folder.write("short", "abc");
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::byte into[5];
    const Refusal refusal = refusal_of([&] { read_all(file.get(), into, path); });
    CHECK(refusal.kind == "TRUNC");
    CHECK(refusal.names("2 bytes before its end"));
}

TEST_CASE("released pages of a mapped file leave memory and read the same again") {
    const TempFolder folder;
    constexpr size_t kSize = size_t{32} << 20;
    const MappedFile mapped(folder.write("weights", std::string(kSize, 'x')));
    const auto seen = [&] { return std::count(mapped.bytes().begin(), mapped.bytes().end(), std::byte{'x'}); };
    const auto pages = [] {   // of files, in this process's memory
        int64_t total = 0, resident = 0, shared = 0;
        std::ifstream("/proc/self/statm") >> total >> resident >> shared;
        return shared * sysconf(_SC_PAGESIZE);
    };
    CHECK(seen() == kSize);
    const int64_t before = pages();
    mapped.release(mapped.bytes().subspan(1));   // not the first page, of which it is a part
    CHECK(before - pages() > static_cast<int64_t>(kSize) * 9 / 10);
    CHECK(seen() == kSize);
}

TEST_CASE("row 31: a file cut while it is mapped reads as zeros behind the cut and is then refused as TRUNC") {
    const TempFolder folder;
    constexpr size_t kSize = 1 << 20;
    const Path path = folder.write("weights", std::string(kSize, 'x'));
    for (const size_t kept : {kSize - 10, kSize / 2, size_t{100}, size_t{0}}) {
        CAPTURE(kept);
        folder.write("weights", std::string(kSize, 'x'));
        MappedFile first(path);
        const MappedFile mapped = std::move(first);   // the guard moves along
        std::filesystem::resize_file(path, kept);
        size_t seen = 0;
        for (const std::byte b : mapped.bytes()) seen += b == std::byte{'x'};
        CHECK(seen == kept);
        const Refusal refusal = refusal_of([&] { mapped.expect_intact(); });
        CHECK(refusal.kind == "TRUNC");
        CHECK(refusal.names(path.string()));
    }
}

TEST_CASE("a file cut while it is read is refused even if it has its length again") {
    const TempFolder folder;
    constexpr size_t kSize = 1 << 16;
    const Path path = folder.write("weights", std::string(kSize, 'x'));
    const MappedFile mapped(path);
    std::filesystem::resize_file(path, 0);
    CHECK(mapped.bytes()[kSize - 1] == std::byte{0});
    std::filesystem::resize_file(path, kSize);
    CHECK(refusal_of([&] { mapped.expect_intact(); }).kind == "TRUNC");
}

TEST_CASE("a file that is replaced or removed while it is mapped keeps its bytes") {
    const TempFolder folder;
    const Path path = folder.write("weights", std::string(10000, 'x'));
    const MappedFile mapped(path);
    write_file(path, std::string(10000, 'y'));
    CHECK_NOTHROW(mapped.expect_intact());
    std::filesystem::remove(path);
    CHECK_NOTHROW(mapped.expect_intact());
    CHECK(std::all_of(mapped.bytes().begin(), mapped.bytes().end(), [](std::byte b) { return b == std::byte{'x'}; }));
}

TEST_CASE("SIGBUS outside every mapping of ours still ends the process") {
    const TempFolder folder;
    const MappedFile ours(folder.write("ours", "x"));
    const Descriptor empty(open(folder.write("empty", "").c_str(), O_RDONLY | O_CLOEXEC));
    const void* const foreign = mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, empty.get(), 0);
    REQUIRE(foreign != MAP_FAILED);
    const pid_t child = fork();
    if (child == 0) {
        constexpr unsigned kSeconds = 20;   // a handler that swallowed the signal would fault for ever
        std::signal(SIGALRM, SIG_DFL);
        alarm(kSeconds);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);   // where sanitizers would report the fault
        _exit(*static_cast<const volatile char*>(foreign));
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    const bool alarmed = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    const bool went_on = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    CHECK_FALSE(alarmed);
    CHECK_FALSE(went_on);
}

TEST_CASE("an atomic file appears with its commit, replaces the old one and leaves nothing beside it") {
    const TempFolder folder;
    const Path path = folder.write("out", "old");
    {
        AtomicFile file(path);
        file.write("new ");
        file.write("text");
        CHECK(content_of(path) == "old");
        file.commit();
    }
    CHECK(content_of(path) == "new text");
    CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("an atomic file without a commit leaves the old file and nothing else") {
    const TempFolder folder;
    const Path path = folder.write("out", "old");
    { AtomicFile(path).write("half of it"); }
    CHECK(content_of(path) == "old");
    CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("reserving more than is written does not lengthen the file") {
    const TempFolder folder;
    AtomicFile file(folder.path() / "out");
    file.reserve(100000);
    file.write("text");
    file.commit();
    CHECK(content_of(folder.path() / "out") == "text");
}

TEST_CASE("two atomic files for one path do not disturb each other and the last commit stands") {
    const TempFolder folder;
    const Path path = folder.path() / "out";
    AtomicFile a(path), b(path);
    a.write("a");
    b.write("b");
    b.commit();
    a.commit();
    CHECK(content_of(path) == "a");
    CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("writing into a folder that is not there, or under a file, is refused with the path") {
    const TempFolder folder;
    folder.write("file", "");
    for (const char* name : {"absent/out", "file/out"}) {
        const Path path = folder.path() / name;
        const Refusal refusal = refusal_of([&] { write_file(path, "text"); });
        CHECK(refusal.kind == "PATH");
        CHECK(refusal.names(path.string()));
    }
    std::filesystem::create_directory(folder.path() / "taken");
    CHECK(refusal_of([&] { write_file(folder.path() / "taken", "text"); }).kind == "PATH");
    CHECK(entries_of(folder.path()) == 2);
}

TEST_CASE("a full device is DiskFull with the path") {
    const Descriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (!full) return skip("no /dev/full");
    std::string text;
    try {
        write_all(full.get(), std::as_bytes(std::span("text", 4)), "folder/out");
    } catch (const DiskFull& e) {
        text = e.what();
    }
    CHECK(text.find("folder/out") != text.npos);
}

TEST_CASE("a write beyond the process's file size limit is an error that leaves the old file alone") {
    const TempFolder folder;
    const Path path = folder.write("out", "old");
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
        setrlimit(RLIMIT_FSIZE, &limit);
        // 10000 bytes: the system takes 4096 of them, then refuses the rest.
        try {
            write_file(path, std::string(10000, 'x'));
        } catch (const DiskFull& e) {
            _exit(std::string(e.what()).find(path.string()) != std::string::npos ? 0 : 1);
        }
        _exit(2);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(content_of(path) == "old");
    CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("a full disk is DiskFull, whether room is reserved or written to, and leaves the old file alone") {
    constexpr int kCannotMount = 77;
    const TempFolder folder;
    const pid_t child = fork();
    if (child == 0) {
        const bool own = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
        if (!own || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0)
            _exit(kCannotMount);
        const Path path = folder.write("out", "old");
        int full = 0;
        try {
            write_file(path, std::string(200000, 'x'));
        } catch (const DiskFull&) {
            ++full;
        }
        try {
            AtomicFile(path).reserve(200000);
        } catch (const DiskFull&) {
            ++full;
        }
        _exit(full == 2 && content_of(path) == "old" && entries_of(folder.path()) == 1 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == kCannotMount) return skip("no right to mount a tmpfs");
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("too many open files are exit 3 and no fault of the file; a name that is too long is told apart") {
    const TempFolder folder;
    const Path path = folder.write("a", "x");
    rlimit before = {};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    std::exception_ptr caught;   // looked at when there are files again: UBSan's check of a call needs one
    setrlimit(RLIMIT_NOFILE, &none);
    try {
        read_file(path, 9);
    } catch (...) {
        caught = std::current_exception();
    }
    setrlimit(RLIMIT_NOFILE, &before);
    REQUIRE(bool{caught != nullptr});
    try {
        std::rethrow_exception(caught);
    } catch (const Error& error) {
        CHECK(error.code() == ExitCode::kOutOfResources);
        CHECK(error.kind() == "LIMIT");
        CHECK(std::string(error.what()).find("ulimit -n") != std::string::npos);
    }
    const Refusal refusal = refusal_of([&] { read_file(folder.path() / std::string(300, 'a'), 9); });
    CHECK(refusal.kind == "PATH");
    CHECK(refusal.names("shorter name"));
}
