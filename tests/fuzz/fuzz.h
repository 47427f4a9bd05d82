// What fuzz targets share. A target gives bytes to a reader as the product does; what the reader refuses by a UserError
// is well, any other exception is a finding.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/io/file.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft::fuzz {

// A file whose bytes change from input to input, for readers that take a path. It lies in memory.
class BytesFile {
public:
    BytesFile() : file_(memfd_create("input", MFD_CLOEXEC)) {
        if (!file_) throw std::runtime_error("no memory file");
        path_ = "/proc/self/fd/" + std::to_string(file_.get());
    }
    const Path& put(std::string_view bytes) {
        const auto size = static_cast<off_t>(bytes.size());
        if (ftruncate(file_.get(), size) != 0 || pwrite(file_.get(), bytes.data(), bytes.size(), 0) != size)
            throw std::runtime_error("the memory file cannot be written");
        return path_;
    }
    const Path& path() const { return path_; }

private:
    Descriptor file_;
    Path path_;
};

// A refusal has a kind and words, which as printed are one line of well-formed text.
inline void expect_words(const UserError& e) {
    const std::string line = on_one_line(e.what());
    if (e.kind().empty() || line.empty()) throw InternalError("a refusal without words");
    for (const char c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) throw InternalError("a refusal of several lines");
    if (first_invalid_utf8(line) != std::string_view::npos) throw InternalError("a refusal that is not UTF-8");
}

// Whether `read` took what it was given.
template <class Read>
bool accepted(const Read& read) {
    try {
        read();
        return true;
    } catch (const UserError& e) {
        expect_words(e);
        return false;
    }
}

// `what` held of something that a reader accepted; if not, that is a finding.
inline void expect(bool held, const char* what) {
    if (!held) throw InternalError(what);
}

}   // namespace llmft::fuzz
