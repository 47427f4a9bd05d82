// While it lives, temporary folders are made in memory, where there is /dev/shm: runs that sync a thousand times are to
// be fast. What a sync means is tested with the model of a disk.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace llmft::test {

class InMemory {
public:
    InMemory() {
        if (const char* const before = std::getenv("TMPDIR")) before_ = before;
        std::error_code ignored;
        if (std::filesystem::is_directory("/dev/shm", ignored)) setenv("TMPDIR", "/dev/shm", 1);
    }
    InMemory(const InMemory&) = delete;
    InMemory& operator=(const InMemory&) = delete;
    ~InMemory() {
        if (before_)
            setenv("TMPDIR", before_->c_str(), 1);
        else
            unsetenv("TMPDIR");
    }

private:
    std::optional<std::string> before_;
};

}   // namespace llmft::test
