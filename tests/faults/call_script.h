// A log of calls written by hand: a way of saving, right or wrong, for the model of a disk.
#pragma once

#include <fcntl.h>

#include "tests/faults/call_log.h"

namespace llmft::test {

class CallScript {
public:
    static constexpr const char* kRoot = "/root";

    void make_folder(const std::string& path) { add(Call::kMakeFolder, path); }
    int create(const std::string& path) { return open(path, O_WRONLY | O_CREAT | O_EXCL); }
    int open(const std::string& path, int flags) {
        FileCall& c = add(Call::kOpen, path);
        c.flags = flags;
        return c.fd = next_++;
    }
    void write(int fd, int64_t offset, const std::string& data) {
        FileCall& c = add(Call::kWrite, "", fd);
        c.offset = offset;
        c.data = data;
        c.result = static_cast<int64_t>(data.size());
    }
    void reserve(int fd, int64_t length) { add(Call::kReserve, "", fd).offset = length; }
    void truncate(int fd, int64_t length) { add(Call::kTruncate, "", fd).offset = length; }
    void sync(int fd) { add(Call::kSync, "", fd); }
    void close(int fd) { add(Call::kClose, "", fd); }
    void sync_folder(const std::string& path) {
        const int fd = open(path, O_RDONLY | O_DIRECTORY);
        sync(fd);
        close(fd);
    }
    void rename(const std::string& from, const std::string& to) { add(Call::kRename, from).other = full(to); }
    void unlink(const std::string& path) { add(Call::kUnlink, path); }
    void remove_folder(const std::string& path) { add(Call::kRemoveFolder, path); }

    const std::vector<FileCall>& calls() const { return calls_; }

private:
    static std::string full(const std::string& path) { return path.empty() ? kRoot : kRoot + ("/" + path); }
    FileCall& add(Call call, const std::string& path, int fd = -1) {
        FileCall& c = calls_.emplace_back();
        c.call = call;
        c.path = full(path);
        c.fd = fd;
        return c;
    }

    std::vector<FileCall> calls_;
    int next_ = 3;
};

}   // namespace llmft::test
