#include "tests/faults/preload/watch.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace llmft::faults {
namespace {

constexpr int kMostDescriptors = 4096;

struct Opened {
    std::atomic<char*> path = nullptr;
    bool appends = false;
};
Opened opened[kMostDescriptors];

struct Settings {
    char under[kLongestPath] = "";
    int log = -1;
    char kind[32] = "";
    long number = 0;
    Decision decision;
};

struct ErrorName {
    const char* name;
    int number;
};
constexpr ErrorName kErrors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EROFS", EROFS},
                                 {"EINTR", EINTR},   {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"ENOLCK", ENOLCK}};

// The part behind NAME= up to the next semicolon.
bool word(const char* text, const char* name, char* to, size_t room) {
    const char* from = std::strstr(text, name);
    if (from == nullptr) return false;
    from += std::strlen(name);
    const size_t length = std::strcspn(from, ";");
    if (length >= room) unknown("a setting", from);
    std::memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

Decision decision_of(const char* act) {
    for (const ErrorName& e : kErrors)
        if (std::strcmp(act, e.name) == 0) return {.act = Act::kFail, .error = e.number};
    if (std::strcmp(act, "short") == 0) return {.act = Act::kShort};
    if (std::strcmp(act, "kill") == 0) return {.act = Act::kKill};
    if (std::strcmp(act, "kill-half") == 0) return {.act = Act::kKillHalf};
    if (std::strcmp(act, "kill-after") == 0) return {.act = Act::kKillAfter};
    unknown("an act", act);
}

Settings* read_settings() {
    auto* const s = new Settings;
    const char* const text = std::getenv("LLMFT_FAULTS");
    if (text == nullptr) return s;
    word(text, "under=", s->under, sizeof s->under);
    char value[kLongestPath];
    if (word(text, "log=", value, sizeof value))
        s->log =
            static_cast<int>(syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (word(text, "at=", value, sizeof value)) {
        char act[32] = "";
        if (std::sscanf(value, "%31[^:]:%ld:%31s", s->kind, &s->number, act) != 3) unknown("a setting", value);
        s->decision = decision_of(act);
    }
    return s;
}

// Never freed, and made by the first call: calls come before and after the life of every global.
Settings& settings() {
    static Settings* const s = read_settings();
    return *s;
}

bool counted(const Settings& s, const Event& e) {
    if (std::strcmp(s.kind, "any") == 0) return true;
    if (std::strcmp(s.kind, "change") != 0) return std::strcmp(s.kind, test::kCallNames[static_cast<int>(e.call)]) == 0;
    if (e.call == Call::kOpen) return (e.flags & (O_CREAT | O_TRUNC)) != 0;
    return e.call == Call::kWrite || (e.call >= Call::kSync && e.call <= Call::kLink);
}

// Without "//", "/./" and a slash at the end.
void tidy(char* path) {
    char* to = path;
    for (const char* from = path; *from != '\0';) {
        if (from[0] == '/' && from[1] == '/')
            ++from;
        else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || from[2] == '\0'))
            from += 2;
        else
            *to++ = *from++;
    }
    while (to > path + 1 && to[-1] == '/') --to;
    *to = '\0';
}

}   // namespace

bool watched_path(int folder, const char* path, char (&absolute)[kLongestPath]) {
    const char* const under = settings().under;
    if (under[0] == '\0' || path == nullptr) return false;
    char base[kLongestPath] = "";
    if (path[0] != '/' && folder == AT_FDCWD && syscall(SYS_getcwd, base, sizeof base) < 0) return false;
    if (path[0] != '/' && folder != AT_FDCWD) {
        const char* const known = watched_descriptor(folder);
        if (known == nullptr) return false;
        std::snprintf(base, sizeof base, "%s", known);
    }
    const int length = std::snprintf(absolute, sizeof absolute, "%s%s%s", base, base[0] != '\0' ? "/" : "", path);
    if (length < 0 || length >= kLongestPath) return false;
    tidy(absolute);
    const size_t common = std::strlen(under);
    return std::strncmp(absolute, under, common) == 0 && (absolute[common] == '/' || absolute[common] == '\0');
}

const char* watched_descriptor(int fd) {
    return fd >= 0 && fd < kMostDescriptors ? opened[fd].path.load() : nullptr;
}

bool appends(int fd) {
    return opened[fd].appends;
}

void remember(int fd, const char* path, int flags) {
    if (fd < 0) return;
    if (fd >= kMostDescriptors) unknown("so many open files", path);
    opened[fd].appends = (flags & O_APPEND) != 0;
    std::free(opened[fd].path.exchange(path != nullptr ? strdup(path) : nullptr));
}

Decision decide(const Event& e) {
    static std::atomic<long> count = 0;
    const Settings& s = settings();
    if (s.decision.act == Act::kNone || !counted(s, e)) return {};
    return ++count == s.number ? s.decision : Decision{};
}

void log(const Event& e) {
    if (settings().log < 0) return;
    CallHead head = e;
    head.path_bytes = static_cast<uint32_t>(std::strlen(e.path));
    head.other_bytes = static_cast<uint32_t>(std::strlen(e.other));
    if (e.data == nullptr) head.data_bytes = 0;
    const iovec parts[] = {{&head, sizeof head},
                           {const_cast<char*>(e.path), head.path_bytes},
                           {const_cast<char*>(e.other), head.other_bytes},
                           {const_cast<char*>(e.data), head.data_bytes}};
    const int error_number = errno;
    syscall(SYS_writev, settings().log, parts, 4);
    errno = error_number;
}

void die(const Event& e) {
    Event last = e;
    last.result = test::kKilled;
    log(last);
    syscall(SYS_kill, static_cast<pid_t>(syscall(SYS_getpid)), SIGKILL);
    for (;;) pause();
}

void unknown(const char* call, const char* path) {
    std::fprintf(stderr, "llmft_faults: %s: %s: this library cannot follow that\n", path != nullptr ? path : "", call);
    std::abort();
}

}   // namespace llmft::faults
