// XXH3-64 (Collet, xxHash 0.8: the 64-bit variant with seed 0): finds what disks and memories damage, at the speed of
// memory. It is no defence against somebody who wants two files to look alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/io/file.h"

namespace llmft {

uint64_t xxh3(Bytes);
inline uint64_t xxh3(std::string_view text) {
    return xxh3(std::as_bytes(std::span(text)));
}

// The same of pieces one after another.
class Xxh3 {
public:
    Xxh3();
    Xxh3(const Xxh3&) = delete;
    Xxh3& operator=(const Xxh3&) = delete;
    ~Xxh3();

    Xxh3& add(Bytes);
    Xxh3& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
    uint64_t digest() const;

private:
    struct State;
    State* state_;
};

std::string hash_text(uint64_t hash);   // 16 hexadecimal digits

}   // namespace llmft
