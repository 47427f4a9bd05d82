// Files. Reading: regular files only, sizes checked before anything is allocated. Writing: beside the target, synced,
// renamed over it, folder synced; a target is therefore the old file or the whole new one, also after a power cut.
// Errors: UserError MISSING (not there, or no permission to read), PATH (not a regular file; any other failure, with
// the system's words), LIMIT, TRUNC (shrank meanwhile); DiskFull for a full disk or quota; exit 3 for too many files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace llmft {

using Path = std::filesystem::path;
using Bytes = std::span<const std::byte>;

// A file descriptor that is closed at the end of its scope.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

// Opens for reading, never blocks on a pipe; `size` receives the length of the file.
Descriptor open_regular_file(const Path&, int64_t& size);

// The whole file; longer than max_bytes is LIMIT.
std::string read_file(const Path&, int64_t max_bytes);

// Fills all of `into`, however many calls that takes; a file that ends before is TRUNC. `path` is for errors only.
void read_all(int fd, std::span<std::byte> into, const Path& path);

// Writes all of it, however many calls that takes. `path` is for errors only.
void write_all(int fd, Bytes, const Path& path);

// The error of a failed system call that was to change `path`: DiskFull or UserError PATH.
[[noreturn]] void fail_writing(const Path& path, std::string_view act, int error_number);

// Makes the file's bytes durable.
void sync_file(int fd, const Path& path);

// Makes names that were created, renamed or removed in `folder` durable.
void sync_folder(const Path& folder);

// A new file under a temporary name beside `target`; commit() gives it its name. Without commit() nothing remains.
class AtomicFile {
public:
    explicit AtomicFile(Path target);
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile();

    // Asks the file system for `bytes` of room now, so that a full disk is known before the first write.
    void reserve(int64_t bytes);
    void write(Bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    void commit();

private:
    Path target_, temporary_;
    Descriptor file_;
};

void write_file(const Path&, std::string_view text);

}   // namespace llmft
