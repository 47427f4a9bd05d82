// What the interposed calls ask: is this path watched, which number has this call, what is to happen in it. Everything
// is set by one environment variable, of words between semicolons:
//
//   LLMFT_FAULTS="under=FOLDER;log=FILE;at=KIND:N:ACT"
//
// KIND is a name of kCallNames, "any" or "change"; N counts from 1; ACT is an error's name, "short" (half of the
// bytes), "kill" (SIGKILL before the call), "kill-half" (after half of the bytes) or "kill-after".
#pragma once

#include <sys/types.h>

#include "tests/faults/call_log.h"

namespace llmft::faults {

using test::Call;
using test::CallHead;

enum class Act { kNone, kFail, kShort, kKill, kKillHalf, kKillAfter };

struct Decision {
    Act act = Act::kNone;
    int error = 0;
};

// A call while it is made. Paths are absolute.
struct Event : CallHead {
    const char* path = "";
    const char* other = "";
    const char* data = nullptr;
};

constexpr int kLongestPath = 4096;

// The absolute path of `path` below the descriptor `folder`; false where it is not watched.
bool watched_path(int folder, const char* path, char (&absolute)[kLongestPath]);
// The path that a descriptor was opened with, or null where that was not watched.
const char* watched_descriptor(int fd);
bool appends(int fd);
void remember(int fd, const char* path, int flags);   // null: forget

Decision decide(const Event&);   // counts
void log(const Event&);
[[noreturn]] void die(const Event&);
[[noreturn]] void unknown(const char* call, const char* path);   // a call that this library cannot follow

}   // namespace llmft::faults
