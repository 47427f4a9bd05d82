#include "engine/io/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"

namespace llmft {

MappedFile::MappedFile(const Path& path) : name_(path.string()) {
    int64_t size = 0;
    const Descriptor file = open_regular_file(path, size);
    if (size == 0) return;
    void* const data = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED)
        throw UserError("PATH", name_, "", fmt::format("cannot be mapped: {}", std::strerror(errno)),
                        "try another file system");
    bytes_ = {static_cast<const std::byte*>(data), static_cast<size_t>(size)};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : name_(std::move(other.name_)), bytes_(std::exchange(other.bytes_, Bytes())) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}   // namespace llmft
