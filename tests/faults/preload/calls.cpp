// The calls of the C library by which files are read and changed, in front of the real ones: LD_PRELOAD puts this
// library first. A call whose path is not watched goes straight through.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "tests/faults/preload/watch.h"

using namespace llmft::faults;

namespace {

// The type is that of the declaration: deduced, it would lose its noexcept, and g++ refuses that.
#define REAL(name)                                                                          \
    ([] {                                                                                   \
        static const auto f = reinterpret_cast<decltype(&::name)>(dlsym(RTLD_NEXT, #name)); \
        return f;                                                                           \
    }())

// Does the call, or what was chosen for it. `half` does it with half of its bytes; it is `go` for all others.
template <class Go, class Half>
auto perform(Event& e, const Go& go, const Half& half) {
    const Decision chosen = decide(e);
    e.chosen = chosen.act != Act::kNone;
    if (chosen.act == Act::kKill) die(e);
    if (chosen.act == Act::kFail) {
        // A descriptor is gone after close, whatever close says.
        if (e.call == Call::kClose) go();
        e.result = -chosen.error;
        log(e);
        errno = chosen.error;
        return static_cast<decltype(go())>(-1);
    }
    const bool halved = chosen.act == Act::kShort || chosen.act == Act::kKillHalf;
    const auto result = halved ? half() : go();
    if (chosen.act == Act::kKillHalf || chosen.act == Act::kKillAfter) die(e);
    e.result = result < 0 ? -errno : static_cast<int64_t>(result);
    if (e.call == Call::kOpen) e.fd = static_cast<int32_t>(result);
    log(e);
    return result;
}

template <class Go>
auto perform(Event& e, const Go& go) {
    return perform(e, go, go);
}

Event event(Call call, const char* path, int fd = -1) {
    Event e;
    e.call = call;
    e.path = path;
    e.fd = fd;
    return e;
}

template <class Go>
int opened_by(int folder, const char* path, int flags, const Go& go) {
    char absolute[kLongestPath];
    const bool watched = watched_path(folder, path, absolute);
    int fd = -1;
    if (watched) {
        Event e = event(Call::kOpen, absolute);
        e.flags = flags;
        fd = perform(e, go);
    } else {
        fd = go();
    }
    remember(fd, watched ? absolute : nullptr, flags);
    return fd;
}

mode_t mode_of(int flags, va_list& rest) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

template <class Go>
auto on_path(Call call, int folder, const char* path, const Go& go) {
    char absolute[kLongestPath];
    if (!watched_path(folder, path, absolute)) return go();
    Event e = event(call, absolute);
    return perform(e, go);
}

template <class Go>
auto on_descriptor(Call call, int fd, const Go& go, int64_t offset = 0) {
    const char* const path = watched_descriptor(fd);
    if (path == nullptr) return go();
    Event e = event(call, path, fd);
    e.offset = offset;
    return perform(e, go);
}

template <class Go>
auto on_two_paths(Call call, int folder, const char* path, int other_folder, const char* other, int flags,
                  const Go& go) {
    char absolute[kLongestPath], other_absolute[kLongestPath];
    const bool first = watched_path(folder, path, absolute);
    if (!watched_path(other_folder, other, other_absolute)) {
        if (first) unknown("a name that leaves the watched folder", absolute);
        return go();
    }
    if (!first) unknown("a name that enters the watched folder", other_absolute);
    Event e = event(call, absolute);
    e.other = other_absolute;
    e.flags = flags;
    return perform(e, go);
}

// Half of the bytes, but at least one: none at all would be the end of the file.
size_t half_of(size_t bytes) {
    return bytes > 1 ? bytes / 2 : bytes;
}

template <class Go>   // go(bytes)
ssize_t reads(int fd, size_t bytes, const Go& go) {
    const char* const path = watched_descriptor(fd);
    if (path == nullptr) return go(bytes);
    Event e = event(Call::kRead, path, fd);
    return perform(
        e, [&] { return go(bytes); }, [&] { return go(half_of(bytes)); });
}

constexpr off_t kHere = -1;

template <class Go>   // go(bytes)
ssize_t writes(int fd, const void* data, size_t bytes, off_t offset, const Go& go) {
    const char* const path = watched_descriptor(fd);
    if (path == nullptr) return go(bytes);
    Event e = event(Call::kWrite, path, fd);
    e.data = static_cast<const char*>(data);
    e.data_bytes = bytes;
    struct stat status = {};
    if (offset != kHere)
        e.offset = offset;
    else if (appends(fd) && REAL(fstat)(fd, &status) == 0)
        e.offset = status.st_size;
    else
        e.offset = lseek(fd, 0, SEEK_CUR);
    return perform(
        e, [&] { return go(bytes); }, [&] { return go(half_of(bytes)); });
}

template <class Go>
int reserves(int fd, off_t end, const Go& go) {
    const char* const path = watched_descriptor(fd);
    if (path == nullptr) return go();
    Event e = event(Call::kReserve, path, fd);
    e.offset = end;
    return perform(e, go);
}

int open_flags(const char* mode) {
    const int plus = std::string(mode).find('+') != std::string::npos ? O_RDWR : O_WRONLY;
    if (mode[0] == 'r') return plus == O_RDWR ? O_RDWR : O_RDONLY;
    return plus | O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC);
}

template <class Go>
FILE* stream_opened(const char* path, const char* mode, const Go& go) {
    FILE* stream = nullptr;
    opened_by(AT_FDCWD, path, open_flags(mode), [&] {
        stream = go();
        return stream != nullptr ? fileno(stream) : -1;
    });
    return stream;
}

}   // namespace

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

#define OPEN(name)                                                                              \
    EXPORTED int name(const char* path, int flags, ...) {                                       \
        va_list rest;                                                                           \
        va_start(rest, flags);                                                                  \
        const mode_t mode = mode_of(flags, rest);                                               \
        va_end(rest);                                                                           \
        return opened_by(AT_FDCWD, path, flags, [&] { return REAL(name)(path, flags, mode); }); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                                  \
    EXPORTED int name(int folder, const char* path, int flags, ...) {                                 \
        va_list rest;                                                                                 \
        va_start(rest, flags);                                                                        \
        const mode_t mode = mode_of(flags, rest);                                                     \
        va_end(rest);                                                                                 \
        return opened_by(folder, path, flags, [&] { return REAL(name)(folder, path, flags, mode); }); \
    }
OPENAT(openat)
OPENAT(openat64)
#define CREAT(name)                                                                                             \
    EXPORTED int name(const char* path, mode_t mode) {                                                          \
        return opened_by(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, [&] { return REAL(name)(path, mode); }); \
    }
CREAT(creat)
CREAT(creat64)
#define FOPEN(name)                                                               \
    EXPORTED FILE* name(const char* path, const char* mode) {                     \
        return stream_opened(path, mode, [&] { return REAL(name)(path, mode); }); \
    }
FOPEN(fopen)
FOPEN(fopen64)

EXPORTED int close(int fd) {
    const char* const path = watched_descriptor(fd);
    if (path == nullptr) return REAL(close)(fd);
    const std::string kept = path;   // forgotten before the number can be another file's
    remember(fd, nullptr, 0);
    Event e = event(Call::kClose, kept.c_str(), fd);
    return perform(e, [&] { return REAL(close)(fd); });
}
EXPORTED int fclose(FILE* stream) {
    remember(fileno(stream), nullptr, 0);
    return REAL(fclose)(stream);
}
EXPORTED int closedir(DIR* folder) {
    remember(dirfd(folder), nullptr, 0);
    return REAL(closedir)(folder);
}

EXPORTED ssize_t read(int fd, void* to, size_t bytes) {
    return reads(fd, bytes, [&](size_t n) { return REAL(read)(fd, to, n); });
}
EXPORTED ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
    return reads(fd, bytes, [&](size_t n) { return REAL(pread)(fd, to, n, offset); });
}
EXPORTED ssize_t pread64(int fd, void* to, size_t bytes, off64_t offset) {
    return reads(fd, bytes, [&](size_t n) { return REAL(pread64)(fd, to, n, offset); });
}
EXPORTED ssize_t write(int fd, const void* from, size_t bytes) {
    return writes(fd, from, bytes, kHere, [&](size_t n) { return REAL(write)(fd, from, n); });
}
EXPORTED ssize_t pwrite(int fd, const void* from, size_t bytes, off_t offset) {
    return writes(fd, from, bytes, offset, [&](size_t n) { return REAL(pwrite)(fd, from, n, offset); });
}
EXPORTED ssize_t pwrite64(int fd, const void* from, size_t bytes, off64_t offset) {
    return writes(fd, from, bytes, offset, [&](size_t n) { return REAL(pwrite64)(fd, from, n, offset); });
}
EXPORTED ssize_t writev(int fd, const iovec* parts, int count) {
    if (watched_descriptor(fd) == nullptr) return REAL(writev)(fd, parts, count);
    std::string all;
    for (int i = 0; i < count; ++i) all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    return writes(fd, all.data(), all.size(), kHere, [&](size_t n) { return REAL(write)(fd, all.data(), n); });
}

EXPORTED int fsync(int fd) {
    return on_descriptor(Call::kSync, fd, [&] { return REAL(fsync)(fd); });
}
EXPORTED int fdatasync(int fd) {
    return on_descriptor(Call::kSync, fd, [&] { return REAL(fdatasync)(fd); });
}
EXPORTED int ftruncate(int fd, off_t length) {
    return on_descriptor(
        Call::kTruncate, fd, [&] { return REAL(ftruncate)(fd, length); }, length);
}
EXPORTED int ftruncate64(int fd, off64_t length) {
    return on_descriptor(
        Call::kTruncate, fd, [&] { return REAL(ftruncate64)(fd, length); }, length);
}
// These two return the error instead of setting errno.
#define RESERVE(name, offset_t)                                  \
    EXPORTED int name(int fd, offset_t offset, offset_t bytes) { \
        const int kept = errno;                                  \
        const int result = reserves(fd, offset + bytes, [&] {    \
            errno = REAL(name)(fd, offset, bytes);               \
            return errno == 0 ? 0 : -1;                          \
        });                                                      \
        const int error = result == 0 ? 0 : errno;               \
        errno = kept;                                            \
        return error;                                            \
    }
RESERVE(posix_fallocate, off_t)
RESERVE(posix_fallocate64, off64_t)
EXPORTED int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    if (mode != 0 && watched_descriptor(fd) != nullptr) unknown("fallocate with a mode", watched_descriptor(fd));
    return reserves(fd, offset + bytes, [&] { return REAL(fallocate)(fd, mode, offset, bytes); });
}

EXPORTED int rename(const char* from, const char* to) {
    return on_two_paths(Call::kRename, AT_FDCWD, from, AT_FDCWD, to, 0, [&] { return REAL(rename)(from, to); });
}
EXPORTED int renameat(int from_folder, const char* from, int to_folder, const char* to) {
    return on_two_paths(Call::kRename, from_folder, from, to_folder, to, 0,
                        [&] { return REAL(renameat)(from_folder, from, to_folder, to); });
}
EXPORTED int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
    return on_two_paths(Call::kRename, from_folder, from, to_folder, to, static_cast<int>(flags),
                        [&] { return REAL(renameat2)(from_folder, from, to_folder, to, flags); });
}
EXPORTED int link(const char* from, const char* to) {
    return on_two_paths(Call::kLink, AT_FDCWD, from, AT_FDCWD, to, 0, [&] { return REAL(link)(from, to); });
}
EXPORTED int unlink(const char* path) {
    return on_path(Call::kUnlink, AT_FDCWD, path, [&] { return REAL(unlink)(path); });
}
EXPORTED int unlinkat(int folder, const char* path, int flags) {
    return on_path((flags & AT_REMOVEDIR) != 0 ? Call::kRemoveFolder : Call::kUnlink, folder, path,
                   [&] { return REAL(unlinkat)(folder, path, flags); });
}
EXPORTED int rmdir(const char* path) {
    return on_path(Call::kRemoveFolder, AT_FDCWD, path, [&] { return REAL(rmdir)(path); });
}
EXPORTED int remove(const char* path) {
    struct stat status = {};
    const bool folder = REAL(lstat)(path, &status) == 0 && S_ISDIR(status.st_mode);
    return on_path(folder ? Call::kRemoveFolder : Call::kUnlink, AT_FDCWD, path, [&] { return REAL(remove)(path); });
}
EXPORTED int mkdir(const char* path, mode_t mode) {
    return on_path(Call::kMakeFolder, AT_FDCWD, path, [&] { return REAL(mkdir)(path, mode); });
}
EXPORTED int mkdirat(int folder, const char* path, mode_t mode) {
    return on_path(Call::kMakeFolder, folder, path, [&] { return REAL(mkdirat)(folder, path, mode); });
}

#define MAP(name, offset_t)                                                                                      \
    EXPORTED void* name(void* at, size_t bytes, int protection, int flags, int fd, offset_t offset) {            \
        const char* const path = watched_descriptor(fd);                                                         \
        if (path == nullptr) return REAL(name)(at, bytes, protection, flags, fd, offset);                        \
        if ((protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) unknown("a mapping that writes", path); \
        void* result = MAP_FAILED;                                                                               \
        on_descriptor(Call::kMap, fd, [&] {                                                                      \
            result = REAL(name)(at, bytes, protection, flags, fd, offset);                                       \
            return result == MAP_FAILED ? -1 : 0;                                                                \
        });                                                                                                      \
        return result;                                                                                           \
    }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

#define STATUS(name, status_t)                                                               \
    EXPORTED int name(const char* path, struct status_t* to) {                               \
        return on_path(Call::kStatus, AT_FDCWD, path, [&] { return REAL(name)(path, to); }); \
    }
STATUS(stat, stat)
STATUS(stat64, stat64)
STATUS(lstat, stat)
STATUS(lstat64, stat64)
STATUS(statvfs, statvfs)
STATUS(statvfs64, statvfs64)
EXPORTED int fstat(int fd, struct stat* to) {
    return on_descriptor(Call::kStatus, fd, [&] { return REAL(fstat)(fd, to); });
}
EXPORTED int fstat64(int fd, struct stat64* to) {
    return on_descriptor(Call::kStatus, fd, [&] { return REAL(fstat64)(fd, to); });
}
EXPORTED int fstatat(int folder, const char* path, struct stat* to, int flags) {
    return on_path(Call::kStatus, folder, path, [&] { return REAL(fstatat)(folder, path, to, flags); });
}
EXPORTED int fstatat64(int folder, const char* path, struct stat64* to, int flags) {
    return on_path(Call::kStatus, folder, path, [&] { return REAL(fstatat64)(folder, path, to, flags); });
}
EXPORTED int access(const char* path, int mode) {
    return on_path(Call::kStatus, AT_FDCWD, path, [&] { return REAL(access)(path, mode); });
}
EXPORTED int flock(int fd, int operation) {
    return on_descriptor(Call::kLock, fd, [&] { return REAL(flock)(fd, operation); });
}

EXPORTED ssize_t sendfile(int to, int from, off_t* offset, size_t bytes) {
    if (watched_descriptor(to) != nullptr) unknown("sendfile", watched_descriptor(to));
    return REAL(sendfile)(to, from, offset, bytes);
}
EXPORTED ssize_t copy_file_range(int from, off64_t* offset, int to, off64_t* to_offset, size_t bytes, unsigned flags) {
    if (watched_descriptor(to) != nullptr) unknown("copy_file_range", watched_descriptor(to));
    return REAL(copy_file_range)(from, offset, to, to_offset, bytes, flags);
}
EXPORTED int truncate(const char* path, off_t length) {
    char absolute[kLongestPath];
    if (watched_path(AT_FDCWD, path, absolute)) unknown("truncate", absolute);
    return REAL(truncate)(path, length);
}

}   // extern "C"
