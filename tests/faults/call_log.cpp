#include "tests/faults/call_log.h"

#include <fcntl.h>

#include <cstring>

#include "tests/tools/e2e_scene.h"

namespace llmft::test {

bool changes(const FileCall& c) {
    switch (c.call) {
        case Call::kOpen: return (c.flags & (O_CREAT | O_TRUNC)) != 0;
        case Call::kRead:
        case Call::kClose:
        case Call::kMap:
        case Call::kStatus:
        case Call::kLock: return false;
        default: return true;
    }
}

std::string described(const FileCall& c, const std::string& root) {
    const auto below = [&](const std::string& path) {
        return path.starts_with(root + "/") ? path.substr(root.size() + 1) : path;
    };
    std::string text = std::string(kCallNames[static_cast<int>(c.call)]) + " " + below(c.path);
    if (!c.other.empty()) text += " to " + below(c.other);
    if (c.call == Call::kWrite) text += ", " + std::to_string(c.data_bytes) + " bytes";
    return text;
}

std::vector<FileCall> read_call_log(const std::string& file) {
    const std::string bytes = bytes_of(file);
    std::vector<FileCall> calls;
    for (size_t at = 0; at + sizeof(CallHead) <= bytes.size();) {
        FileCall c;
        std::memcpy(static_cast<CallHead*>(&c), bytes.data() + at, sizeof(CallHead));
        at += sizeof(CallHead);
        if (at + c.path_bytes + c.other_bytes + c.data_bytes > bytes.size()) break;
        c.path = bytes.substr(at, c.path_bytes);
        c.other = bytes.substr(at + c.path_bytes, c.other_bytes);
        c.data = bytes.substr(at + c.path_bytes + c.other_bytes, c.data_bytes);
        at += c.path_bytes + c.other_bytes + c.data_bytes;
        calls.push_back(std::move(c));
    }
    return calls;
}

}   // namespace llmft::test
