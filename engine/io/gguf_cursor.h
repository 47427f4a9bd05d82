// Reads GGUF's fields one after another, none beyond the end.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "engine/io/file.h"
#include "engine/io/gguf.h"

namespace llmft {

// Bytes of a number or a bool; 0 for strings and arrays.
size_t gguf_size_bytes(GgufKind);
std::string_view gguf_kind_name(GgufKind);

class GgufCursor {
public:
    static constexpr uint64_t kMaxString = uint64_t{16} << 20;      // as of any JSON
    static constexpr uint64_t kMaxMetadata = uint64_t{256} << 20;   // as of any tokenizer

    GgufCursor(Bytes bytes, const std::string& file) : bytes_(bytes), file_(&file) {}   // views of both

    size_t at() const { return at_; }
    size_t left() const { return bytes_.size() - at_; }
    Bytes rest() const { return bytes_.subspan(at_); }
    // What errors call the place from here on; quoted where it comes from the file.
    void enter(std::string field) { field_ = std::move(field); }
    [[noreturn]] void refuse(std::string_view error, std::string_view what) const;

    Bytes skip(uint64_t bytes);   // TRUNC where they are not there, LIMIT beyond kMaxMetadata
    template <class T>
    T take() {
        T x;
        std::memcpy(&x, skip(sizeof x).data(), sizeof x);
        return x;
    }
    std::string_view take_string(uint64_t most = kMaxString);   // length and bytes; longer is LIMIT
    GgufKind take_kind();                                       // SCHEMA for none of the known
    // A whole value: strings are text, bools 0 or 1, arrays at most a few deep, and what they count is there.
    void skip_value(GgufKind kind, int depth = 0);

private:
    Bytes bytes_;
    const std::string* file_;
    size_t at_ = 0;
    std::string field_;
};

}   // namespace llmft
