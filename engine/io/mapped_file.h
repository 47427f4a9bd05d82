// A file as read-only memory. The pages are read when they are first touched.
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

private:
    std::string name_;
    Bytes bytes_;
};

}   // namespace llmft
