// A file as read-only memory. The pages are read when they are first touched, so a file that somebody cuts meanwhile
// has bytes that are no more: they read as zeros instead of ending the process with SIGBUS, and expect_intact() tells.
#pragma once

#include <string>

#include "engine/io/file.h"

namespace llmft {

class MappedFile {
public:
    explicit MappedFile(const Path&);   // errors as open_regular_file's; an empty file has no bytes
    MappedFile(MappedFile&&) noexcept;
    MappedFile& operator=(MappedFile&&) noexcept;
    ~MappedFile();

    const std::string& name() const { return name_; }   // the path as it was given, for errors
    Bytes bytes() const { return bytes_; }
    // The pages that lie in `part` of bytes() need not stay in memory; touched again, they are read again.
    void release(Bytes part) const;
    // Call it after the last byte was taken: UserError TRUNC where the file's length changed since it was mapped.
    void expect_intact() const;

private:
    struct Watch;
    struct Watches;

    std::string name_;
    Bytes bytes_;
    Watch* watch_ = nullptr;   // what the handler of SIGBUS knows of this mapping; none for an empty file
};

}   // namespace llmft
