// The log of the fault library (tests/faults/preload): one record for each call by which the program reads or changes a
// file under the watched folders, in order, with everything that is needed to do it again on a model of a disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace llmft::test {

enum class Call : int32_t {
    kOpen,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kReserve,
    kRename,
    kUnlink,
    kRemoveFolder,
    kMakeFolder,
    kLink,
    kClose,
    kMap,
    kStatus,
    kLock,
};
constexpr const char* kCallNames[] = {"open",  "read",  "write", "sync",  "truncate", "reserve", "rename", "unlink",
                                      "rmdir", "mkdir", "link",  "close", "map",      "status",  "lock"};

// What a record begins with in the log; the path, the other path and the data follow.
struct CallHead {
    Call call = {};
    int32_t fd = -1;      // the one that was given, or that an open returned
    int64_t offset = 0;   // of a write; the new length for truncate and reserve
    int64_t result = 0;   // what it returned, or -errno; kKilled where the process ended in it
    int32_t flags = 0;    // of open and rename
    int32_t chosen = 0;   // 1: this call was made to fail, to be cut short or to kill
    uint32_t path_bytes = 0;
    uint32_t other_bytes = 0;
    uint64_t data_bytes = 0;   // what a write was to write; beyond `result` of it nothing happened
};
constexpr int64_t kKilled = -100000;

struct FileCall : CallHead {
    std::string path;    // absolute
    std::string other;   // the new name of rename and link
    std::string data;
};

// Whether it may change what is on the disk.
bool changes(const FileCall&);
// "write out/checkpoint-4/manifest.json", with paths below `root`.
std::string described(const FileCall&, const std::string& root);
// A record that the end of the process cut off is left out.
std::vector<FileCall> read_call_log(const std::string& file);

}   // namespace llmft::test
