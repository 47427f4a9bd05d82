#include "engine/io/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

template <class Call>
auto retried(const Call& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

// What the path itself is not to blame for, or its length alone.
void expect_no_limit(const Path& path, std::string_view act, int error_number) {
    const std::string what = fmt::format("{}: {}", act, std::strerror(error_number));
    if (error_number == EMFILE || error_number == ENFILE)
        throw Error(ExitCode::kOutOfResources, "LIMIT",
                    fmt::format("{}: {}; raise the limit: ulimit -n 4096", path.string(), what));
    if (error_number == ENAMETOOLONG)
        throw UserError("PATH", path.string(), "", what, "give it a shorter name or path");
}

[[noreturn]] void fail_reading(const Path& path, int error_number) {
    expect_no_limit(path, "cannot be read", error_number);
    std::error_code ignored;
    if (error_number == ENOENT && std::filesystem::is_symlink(path, ignored))
        throw UserError("MISSING", path.string(), "", "is a link to nothing", "mend the link or fetch the file again");
    const bool absent = error_number == ENOENT || error_number == ENOTDIR;
    const bool unreadable = absent || error_number == EACCES || error_number == EPERM;
    throw UserError(unreadable ? "MISSING" : "PATH", path.string(), "",
                    fmt::format("cannot be read: {}", std::strerror(error_number)),
                    absent ? "check the path" : "check the file's permissions");
}

Path folder_of(const Path& path) {
    return path.has_parent_path() ? path.parent_path() : Path(".");
}

// Names nobody else takes: a leftover of a killed process with the same id is stepped over, not overwritten.
Descriptor create_beside(const Path& target, Path& temporary) {
    static std::atomic<unsigned> count = 0;
    for (;;) {
        temporary = folder_of(target) / fmt::format(".tmp-{}-{}-{}", target.filename().string(), getpid(), count++);
        const int fd = retried([&] { return open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
        if (fd >= 0) return Descriptor(fd);
        if (errno != EEXIST) fail_writing(target, "cannot be created", errno);
    }
}

}   // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

Descriptor open_regular_file(const Path& path, int64_t& size) {
    Descriptor file(retried([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
    // Opening a socket fails with ENXIO, a folder and a device succeed: all are told apart by fstat or below.
    if (!file && errno != ENXIO) fail_reading(path, errno);
    struct stat status = {};
    if (file && fstat(file.get(), &status) != 0) fail_reading(path, errno);
    if (!file || !S_ISREG(status.st_mode))
        throw UserError("PATH", path.string(), "", "is not a regular file", "give the path of a file");
    size = status.st_size;
    return file;
}

std::string read_file(const Path& path, int64_t max_bytes) {
    int64_t size = 0;
    const Descriptor file = open_regular_file(path, size);
    if (size > max_bytes)
        throw UserError("LIMIT", path.string(), "",
                        fmt::format("has {} bytes, more than the limit of {}", size, max_bytes),
                        "check that it is the right file");
    std::string text(static_cast<size_t>(size), '\0');
    read_all(file.get(), std::as_writable_bytes(std::span(text)), path);
    return text;
}

void read_all(int fd, std::span<std::byte> into, const Path& path) {
    for (size_t done = 0; done < into.size();) {
        const ssize_t got = retried([&] { return read(fd, into.data() + done, into.size() - done); });
        if (got < 0) fail_reading(path, errno);
        if (got == 0)
            throw UserError(
                "TRUNC", path.string(), "length",
                fmt::format("ended {} before its end while it was read", byte_count_text(into.size() - done)),
                "let nobody write to it and try again");
        done += static_cast<size_t>(got);
    }
}

void fail_writing(const Path& path, std::string_view act, int error_number) {
    expect_no_limit(path, act, error_number);
    if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
        throw DiskFull(fmt::format("{}: {}: {}; free space or choose another folder", path.string(), act,
                                   std::strerror(error_number)));
    throw UserError("PATH", path.string(), "", fmt::format("{}: {}", act, std::strerror(error_number)),
                    "check the folder and its permissions");
}

void write_all(int fd, Bytes bytes, const Path& path) {
    while (!bytes.empty()) {
        const ssize_t put = retried([&] { return write(fd, bytes.data(), bytes.size()); });
        if (put < 0) fail_writing(path, "cannot be written", errno);
        bytes = bytes.subspan(static_cast<size_t>(put));
    }
}

void sync_file(int fd, const Path& path) {
    if (retried([&] { return fsync(fd); }) != 0) fail_writing(path, "cannot be synced", errno);
}

void sync_folder(const Path& folder) {
    const Descriptor file(retried([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!file) fail_writing(folder, "cannot be opened", errno);
    // Some file systems cannot sync a folder and say EINVAL; there a rename is as durable as it gets.
    if (retried([&] { return fsync(file.get()); }) != 0 && errno != EINVAL)
        fail_writing(folder, "cannot be synced", errno);
}

AtomicFile::AtomicFile(Path target) : target_(std::move(target)), file_(create_beside(target_, temporary_)) {}

AtomicFile::~AtomicFile() {
    if (file_) unlink(temporary_.c_str());
}

void AtomicFile::reserve(int64_t bytes) {
    if (bytes == 0) return;
    const int error = posix_fallocate(file_.get(), 0, bytes);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        fail_writing(target_, fmt::format("needs {} bytes", bytes), error);
}

void AtomicFile::write(Bytes bytes) {
    write_all(file_.get(), bytes, target_);
}

void AtomicFile::commit() {
    const off_t written = lseek(file_.get(), 0, SEEK_CUR);
    if (written < 0 || retried([&] { return ftruncate(file_.get(), written); }) != 0)
        fail_writing(target_, "cannot be cut to its length", errno);
    sync_file(file_.get(), target_);
    if (rename(temporary_.c_str(), target_.c_str()) != 0) fail_writing(target_, "cannot be given its name", errno);
    // The bytes are on the disk: a close that a signal interrupted has lost none, and must not be tried again.
    if (close(file_.release()) != 0 && errno != EINTR) fail_writing(target_, "cannot be closed", errno);
    sync_folder(folder_of(target_));
}

void write_file(const Path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

}   // namespace llmft
